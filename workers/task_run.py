"""One task on one document: prompt, gate, deadline, engine, validation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from jsonschema import Draft202012Validator
from structlog.contextvars import bound_contextvars

from schemas.failure import FailureCode
from schemas.result import AdapterVersion, TaskResult, TaskStatus
from schemas.task import Task
from workers.engine import Adapter, Engine, EngineAnswer, EngineRequest
from workers.errors import (
    AdapterRefusedError,
    EngineDiedError,
    EngineError,
    PromptTooLongError,
    RequestFailedError,
    RequestRefusedError,
    StageError,
)
from workers.gate import Gate
from workers.output import OutputError, parse_output
from workers.prompt import build_messages
from workers.task_adapters import TaskAdapters

_CODES: dict[type[EngineError], FailureCode] = {
    PromptTooLongError: FailureCode.DOCUMENT_TOO_LONG,
    RequestRefusedError: FailureCode.ENGINE_REFUSED,
    RequestFailedError: FailureCode.ENGINE_ERROR,
    AdapterRefusedError: FailureCode.ADAPTER_INVALID,
    EngineDiedError: FailureCode.ENGINE_CRASHED,
}


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

    async def run(self, task: Task, document: str, request_id: str) -> TaskResult:
        """The task's result; a permanent failure of the task is a result too.

        Raises:
            StageError: Something failed that may not fail the next time.
        """
        with bound_contextvars(task=task.name):
            async with self._gate.passage():
                started = monotonic()
                outcome = await self._outcome(task, document, request_id)
                seconds = monotonic() - started
        return TaskResult(version=task.version, kind=task.kind, seconds=seconds, **outcome)

    async def _outcome(self, task: Task, document: str, request_id: str) -> dict[str, Any]:
        """What a TaskResult says of how the task went."""
        ran: dict[str, Any] = {}
        try:
            adapter = self._adapters.of(task)
            if adapter is not None:
                ran["adapter"] = AdapterVersion(name=adapter.name, sha256=adapter.sha256)
            answer = await self._ask(task, document, request_id, adapter)
            ran["usage"] = answer.usage
            data = parse_output(answer, self._schemas[task.name])
        except StageError as error:
            if error.failure.transient:
                raise
            failure = error.failure.model_copy(update={"task": task.name})
            if isinstance(error, OutputError):
                ran["raw_output"] = error.raw_output
            return {"status": TaskStatus.FAILED, "failure": failure, **ran}
        return {"status": TaskStatus.SUCCEEDED, "data": data, **ran}

    async def _ask(
        self, task: Task, document: str, request_id: str, adapter: Adapter | None
    ) -> EngineAnswer:
        request = EngineRequest(
            request_id=request_id,
            messages=build_messages(document, task.instructions),
            schema=task.output_schema,
            max_tokens=task.limits.max_output_tokens,
            adapter=adapter,
        )
        try:
            async with asyncio.timeout(task.limits.timeout_seconds):
                return await self._engine.generate(request)
        except TimeoutError as error:
            raise StageError(
                FailureCode.REQUEST_TIMEOUT,
                f"No answer within {task.limits.timeout_seconds:g} seconds.",
                task.name,
            ) from error
        except EngineError as error:
            raise StageError(_CODES[type(error)], str(error), task.name) from error
