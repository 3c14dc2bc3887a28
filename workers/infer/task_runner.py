"""Tasks on documents: page text is loaded once for each job, and each task has its own session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from structlog.contextvars import bound_contextvars

from ledger.claim import Claim
from schemas.document import PageText
from schemas.failure import FailureCode
from schemas.job import JobSpec
from schemas.result import ScorecardResult, TaskResult
from schemas.scorecard import Scorecard
from schemas.task import NamedTask, Task, UnreadPages
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore
from workers.engine.gated import GatedEngine
from workers.errors import PageTextGoneError, StageError
from workers.infer.confidence import calibrated
from workers.infer.draft import TaskDraft
from workers.infer.mapping import mapped
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.reader import read
from workers.infer.review import review_reasons
from workers.infer.scorecards import gather
from workers.infer.session import Asker, Session
from workers.infer.typed import typed_values
from workers.infer.work import Answers, Work
from workers.metrics import step
from workers.models.adapter_registry import TaskAdapters
from workers.objects import storage_failures
from workers.page_text import load_page_text
from workers.task_lookup import known_scorecards, known_tasks


class TaskRunner:
    """Runs the tasks of jobs on one engine; see Runner.

    Args:
        engine: Shared by everything that runs on it.
        store: Holds page text.
        tasks: Tasks by name.
        adapters: Verified adapters.
        budget: The context of the pool's model.
        scorecards: Scorecards by name.
    """

    def __init__(
        self,
        engine: GatedEngine,
        store: ObjectStore,
        tasks: Mapping[str, Task],
        adapters: TaskAdapters,
        budget: ContextBudget,
        scorecards: Mapping[str, Scorecard] = MappingProxyType({}),
    ) -> None:
        self._engine = engine
        self._store = store
        self._tasks = tasks
        self._scorecards = scorecards
        self._adapters = adapters
        self._budget = budget

    async def work(self, claim: Claim, spec: JobSpec, answers: Answers) -> Work:
        """Load the page text of a job; see Runner."""
        prepared = claim.prepared
        if prepared is None:
            raise StageError(FailureCode.WORKER_ERROR, "The job came to infer unprepared.")
        tasks = known_tasks(spec.tasks, self._tasks, claim.versions)
        cards = known_scorecards(spec.scorecards, spec.tasks, self._scorecards)
        with storage_failures(), step("load"):
            try:
                page_text = await load_page_text(self._store, prepared.text_uri)
            except ObjectMissingError as error:
                raise PageTextGoneError(str(error)) from error
        tokens = await asyncio.to_thread(self._budget.count, page_text.text)

        async def run(task: NamedTask, request_id: str) -> TaskResult:
            draft = TaskDraft(task, page_text.unread_pages, parts=page_text.parts)
            session = Session(
                self._engine,
                self._tasks[task.name],
                draft,
                Asker(request_id, spec.tenant, alone=claim.suspect),
                at_once=max(1, self._engine.gate.slots // 2),
                answers=answers.of(task),
            )
            with bound_contextvars(task=task.name):
                return await draft.settled(self._data(session, spec, page_text, tokens))

        def gathered(results: Mapping[str, TaskResult]) -> dict[str, ScorecardResult]:
            return {card.name: gather(card, results, self._tasks) for card in cards}

        return Work(tasks, prepared, run, gathered)

    async def _data(self, session: Session, spec: JobSpec, page_text: PageText, tokens: int) -> Any:
        task, draft = session.task, session.draft
        self._engine.check_own(task.output_schema, task=task.name)
        if draft.unread_pages and task.unread_pages is UnreadPages.FAIL:
            raise StageError(
                FailureCode.DOCUMENT_UNREAD_PAGES,
                "These pages of the document could not be read:"
                f" {draft.named(draft.unread_pages)}.",
            )
        async with self._adapters.using(task, spec) as draft.adapter:
            data = await read(session, page_text, tokens, self._budget)
        draft.typed, draft.untyped = typed_values(data, task.types, task.dates)
        if task.mapping:
            draft.mapped = mapped(data, task.mapping, task.dates)
        draft.confidence = {
            pointer: calibrated(share, task.calibration)
            for pointer, share in draft.confidence.items()
        }
        draft.needs_review = review_reasons(task.review, draft)
        return data
