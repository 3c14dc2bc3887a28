"""Tasks on documents: prompt, engine, validation, repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from jsonschema import Draft202012Validator
from structlog.contextvars import bound_contextvars

from ledger.claim import Claim
from schemas.failure import FailureCode
from schemas.job import JobSpec
from schemas.result import TaskResult
from schemas.task import NamedTask, Task, UnreadPages
from storage.objects import ObjectStore
from workers.engine.gated import GatedEngine
from workers.engine.protocol import EngineRequest
from workers.errors import StageError
from workers.infer.draft import TaskDraft
from workers.infer.output import OutputError, parse_output
from workers.infer.prompt import build_messages
from workers.infer.repair import repaired
from workers.infer.work import Work
from workers.metrics import count_repair, step
from workers.models.adapter_registry import TaskAdapters
from workers.objects import own_objects
from workers.page_text import load_page_text
from workers.task_lookup import known_tasks

log = structlog.get_logger(__name__)


class TaskRunner:
    """Runs the tasks of jobs on one engine; see Runner.

    Args:
        engine: Shared with all that runs on it.
        store: Holds page text.
        tasks: By name.
        adapters: Verified.
    """

    def __init__(
        self,
        engine: GatedEngine,
        store: ObjectStore,
        tasks: Mapping[str, Task],
        adapters: TaskAdapters,
    ) -> None:
        self._engine = engine
        self._store = store
        self._tasks = tasks
        self._adapters = adapters
        self._schemas = {
            name: Draft202012Validator(
                task.output_schema, format_checker=Draft202012Validator.FORMAT_CHECKER
            )
            for name, task in tasks.items()
        }

    async def work(self, claim: Claim, spec: JobSpec) -> Work:
        """Load the page text of a job; see Runner."""
        prepared = claim.prepared
        if prepared is None:
            raise StageError(FailureCode.WORKER_ERROR, "The job came to infer unprepared.")
        tasks = known_tasks(spec.tasks, self._tasks, claim.versions)
        with own_objects(), step("load"):
            page_text = await load_page_text(self._store, prepared.text_uri)
        text = page_text.text

        async def run(task: NamedTask, request_id: str) -> TaskResult:
            draft = TaskDraft(task, prepared.unread_pages)
            with bound_contextvars(task=task.name):
                return await draft.settled(
                    self._data(
                        draft,
                        self._tasks[task.name],
                        text,
                        request_id,
                        tenant=spec.tenant,
                        alone=claim.suspect,
                    )
                )

        return Work(tasks, prepared, run)

    async def _data(
        self,
        draft: TaskDraft,
        task: Task,
        document: str,
        request_id: str,
        *,
        tenant: str,
        alone: bool,
    ) -> Any:
        draft.adapter = self._adapters.of(task)
        if draft.unread_pages and task.unread_pages is UnreadPages.FAIL:
            raise StageError(FailureCode.DOCUMENT_UNREAD_PAGES, _unread(draft.unread_pages))
        request = EngineRequest(
            request_id=request_id,
            messages=build_messages(document, task.instructions),
            schema=task.output_schema,
            max_tokens=task.limits.max_output_tokens,
            adapter=draft.adapter,
            tenant=tenant,
        )
        return await self._usable(draft, task, request, alone=alone)

    async def _usable(
        self, draft: TaskDraft, task: Task, request: EngineRequest, *, alone: bool
    ) -> Any:
        """Return the data of the first answer that can be used."""
        unusable: OutputError | None = None
        for number in range(task.limits.repairs + 1):
            if unusable is not None:
                log.info("answer repaired", code=unusable.failure.code)
                count_repair()
                request = repaired(request, unusable, number)
            try:
                answer = await self._engine.ask(
                    request, seconds=task.limits.timeout_seconds, task=task.name, alone=alone
                )
            except StageError as error:
                if unusable is not None and error.failure.code is FailureCode.DOCUMENT_TOO_LONG:
                    break  # no room for a repair: what is wrong is the answer
                raise
            draft.count(answer)
            try:
                with step("validate"):
                    return parse_output(answer, self._schemas[task.name])
            except OutputError as error:
                unusable = error
        raise unusable or AssertionError("a task is asked at least once")


def _unread(pages: Sequence[int]) -> str:
    numbers = ", ".join(map(str, pages))
    return f"These pages of the document could not be read: {numbers}."
