"""The gated engine: one engine behind its gate, with errors as failures of the stage."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from schemas.engine import EngineVersion
from schemas.failure import FailureCode
from workers.engine.admission import Admission
from workers.engine.gate import Gate
from workers.engine.protocol import Engine, EngineAnswer, EngineRequest
from workers.errors import (
    AdapterRefusedError,
    EngineDiedError,
    EngineError,
    PostponedError,
    PromptTooLongError,
    RequestFailedError,
    RequestRefusedError,
    StageError,
)
from workers.metrics import count_tokens, step

PULSE_SECONDS = 120
"""Maximum seconds for one token; the prefill of a long prompt may come first."""

_CODES: dict[type[EngineError], FailureCode] = {
    PromptTooLongError: FailureCode.DOCUMENT_TOO_LONG,
    RequestRefusedError: FailureCode.ENGINE_REFUSED,
    RequestFailedError: FailureCode.ENGINE_ERROR,
    AdapterRefusedError: FailureCode.ADAPTER_INVALID,
}


class GatedEngine:
    """An engine that runs as many requests at once as its gate admits.

    Args:
        engine: The engine, not yet started.
        slots: The pool's tuned concurrency, in engine requests.
        schemas: Schemas of the fleet's own tasks; tried when the engine runs, and trusted until
            then.

    Attributes:
        gate: The gate, closed once the engine is dead.
    """

    def __init__(
        self, engine: Engine, slots: int, schemas: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._engine = engine
        self._schemas = schemas
        self._admission = Admission(engine, slots)
        self._trying: asyncio.Task[None] | None = None
        self.gate = Gate(slots)

    @property
    def version(self) -> EngineVersion:
        """Return the engine's version, known after `start`."""
        return self._engine.version

    async def start(self) -> None:
        """Load the model; see Engine."""
        await self._engine.start()
        self._trying = asyncio.create_task(self._admission.try_own(self._schemas))

    async def stop(self) -> None:
        """Free the device; see Engine."""
        if self._trying is not None:
            self._trying.cancel()
        await self._engine.stop()

    async def admit(self, schema: Mapping[str, Any], *, tenant: str, task: str) -> None:
        """Check that the engine accepts a stranger's schema, before a request carries it.

        Args:
            schema: JSON Schema that `check_guidable` takes.
            tenant: The owner of the schema.
            task: Name of the task, for failures.

        Raises:
            StageError: The engine refuses it, or the trial gave no answer.
            PostponedError: Too many of the tenant's jobs are already waiting.
        """
        try:
            problem = await self._admission.problem(schema, tenant)
        except EngineDiedError as error:
            raise PostponedError(str(error), 0) from error
        except EngineError as error:
            raise StageError(_CODES[type(error)], str(error), task) from error
        if problem is not None:
            raise StageError(FailureCode.REQUEST_INVALID, f"`response_format`: {problem}.", task)

    def check_own(self, schema: Mapping[str, Any], *, task: str) -> None:
        """Raise StageError when a task's own schema costs too much."""
        if problem := self._admission.known_problem(schema):
            raise StageError(FailureCode.ENGINE_REFUSED, f"output_schema: {problem}.", task)

    async def ask(
        self, request: EngineRequest, *, seconds: float, task: str, alone: bool = False
    ) -> EngineAnswer:
        """Wait for a slot, and answer one request.

        Args:
            request: The request; its id is unique among those in flight.
            seconds: Maximum time in the engine.
            task: Name of the task, for failures.
            alone: True to wait until the engine is empty, and to run alone.

        Raises:
            StageError: There is no answer.
            GateClosedError: The engine is gone, and the request had not reached it.
        """
        async with self.gate.passage(alone=alone):
            started = monotonic()
            try:
                answer = await self._answer(request, seconds)
            except TimeoutError as error:
                raise StageError(
                    FailureCode.REQUEST_TIMEOUT, f"No answer within {seconds:g} seconds.", task
                ) from error
            except EngineDiedError as error:
                # Close before the slot is free: a request that enters now would look like a
                # suspect.
                self.gate.close()
                code = (
                    FailureCode.ENGINE_OUT_OF_MEMORY
                    if error.out_of_memory
                    else FailureCode.ENGINE_CRASHED
                )
                raise StageError(code, str(error), task) from error
            except EngineError as error:
                raise StageError(_CODES[type(error)], str(error), task) from error
            answer = replace(answer, seconds=monotonic() - started)
        adapter = request.adapter.name if request.adapter else None
        count_tokens(self.version, adapter, answer.usage)
        return answer

    async def _answer(self, request: EngineRequest, seconds: float) -> EngineAnswer:
        """Return the engine's answer; end a hanging engine, so that its requests fail."""
        try:
            with step("engine"):
                async with asyncio.timeout(seconds):
                    return await self._engine.generate(request)
        except TimeoutError:
            if await self._is_responsive():
                raise
            self.gate.close()
            await self._engine.stop()
            raise EngineDiedError(
                f"The engine hangs: no answer within {seconds:g} seconds, then none to one word."
            ) from None

    async def _is_responsive(self) -> bool:
        """Ask for one token; the request that timed out has left its slot.

        Raises:
            EngineDiedError: The engine is known to be gone.
        """
        question = EngineRequest(
            request_id=f"pulse:{secrets.token_hex(4)}",
            messages=[{"role": "user", "content": "?"}],
            schema=None,
            max_tokens=1,
        )
        try:
            async with asyncio.timeout(PULSE_SECONDS):
                await self._engine.generate(question)
        except TimeoutError:
            return False
        except EngineDiedError:
            raise
        except EngineError:
            return True  # a refusal is an answer
        return True
