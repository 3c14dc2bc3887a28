"""One task on one document: prompt, gate, deadline, engine, validation."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import structlog
from jsonschema import Draft202012Validator
from structlog.contextvars import bound_contextvars

from schemas.failure import Failure, FailureCode
from schemas.result import AdapterVersion, TaskResult, TaskStatus, Usage
from schemas.task import NamedTask, Task
from workers.engine.ask import ask
from workers.engine.gate import Gate
from workers.engine.protocol import Engine, EngineRequest
from workers.errors import StageError
from workers.infer.output import OutputError, parse_output
from workers.infer.prompt import build_messages
from workers.infer.repair import repaired
from workers.metrics import count_repair, step
from workers.models.adapter_registry import TaskAdapters

log = structlog.get_logger(__name__)


class TaskRunner:
    """Runs tasks on one engine, behind one gate."""

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        tasks: Mapping[str, Task],
        adapters: TaskAdapters,
    ) -> None:
        """Bind tasks to an engine.

        Args:
            engine: Started.
            gate: Shared by all that the engine runs.
            tasks: By name.
            adapters: Verified.
        """
        self._engine = engine
        self._gate = gate
        self._adapters = adapters
        self._schemas = {
            name: Draft202012Validator(
                task.output_schema, format_checker=Draft202012Validator.FORMAT_CHECKER
            )
            for name, task in tasks.items()
        }

    async def run(
        self, task: Task, document: str, request_id: str, *, alone: bool = False
    ) -> TaskResult:
        """The task's result; a permanent failure of the task is a result too.

        Args:
            task: What to do.
            document: Its text.
            request_id: Unique among the requests in flight.
            alone: Whether the engine may run nothing beside it.

        Raises:
            StageError: Something failed that may not fail the next time, or not elsewhere.
            GateClosedError: The engine is gone, and the task had not reached it.
        """
        with bound_contextvars(task=task.name):
            async with self._gate.passage(alone=alone):
                started = monotonic()
                outcome = await self._outcome(task, document, request_id)
                seconds = monotonic() - started
        return TaskResult(version=task.version, kind=task.kind, seconds=seconds, **outcome)

    async def _outcome(self, task: Task, document: str, request_id: str) -> dict[str, Any]:
        """What a TaskResult says of how the task went."""
        ran: dict[str, Any] = {"usage": Usage()}
        try:
            adapter = self._adapters.of(task)
            if adapter is not None:
                ran["adapter"] = AdapterVersion(name=adapter.name, sha256=adapter.sha256)
            request = EngineRequest(
                request_id=request_id,
                messages=build_messages(document, task.instructions),
                schema=task.output_schema,
                max_tokens=task.limits.max_output_tokens,
                adapter=adapter,
            )
            data = await self._answered(task, request, ran)
        except StageError as error:
            code = error.failure.code
            if error.failure.transient or code is FailureCode.DOCUMENT_TOO_LONG:
                raise
            failure = error.failure.model_copy(update={"task": task.name})
            if isinstance(error, OutputError):
                ran["raw_output"] = error.raw_output
            return {"status": TaskStatus.FAILED, "failure": failure, **ran}
        return {"status": TaskStatus.SUCCEEDED, "data": data, **ran}

    async def _answered(self, task: Task, request: EngineRequest, ran: dict[str, Any]) -> Any:
        """The data of the first answer that can be used; usage is counted in `ran`."""
        unusable: OutputError | None = None
        for number in range(task.limits.repairs + 1):
            if unusable is not None:
                log.info("answer repaired", code=unusable.failure.code)
                count_repair()
                request = repaired(request, unusable, number)
            try:
                answer = await ask(
                    self._engine,
                    self._gate,
                    request,
                    seconds=task.limits.timeout_seconds,
                    task=task.name,
                )
            except StageError as error:
                if unusable is not None and error.failure.code is FailureCode.DOCUMENT_TOO_LONG:
                    break  # no room for a repair: what is wrong is the answer
                raise
            ran["usage"] += answer.usage
            try:
                with step("validate"):
                    return parse_output(answer, self._schemas[task.name])
            except OutputError as error:
                unusable = error
        raise unusable or AssertionError("a task is asked at least once")


def failed_task(task: NamedTask, failure: Failure) -> TaskResult:
    """The result of a task for which nothing is left to try."""
    return TaskResult(
        status=TaskStatus.FAILED, version=task.version, kind=task.kind, failure=failure
    )
