"""Putting one request to the engine: its deadline, and its errors as failures of the stage."""

from __future__ import annotations

import asyncio

from schemas.failure import FailureCode
from workers.engine.gate import Gate
from workers.engine.protocol import Engine, EngineAnswer, EngineRequest
from workers.engine.pulse import has_pulse
from workers.errors import (
    AdapterRefusedError,
    EngineDiedError,
    EngineError,
    PromptTooLongError,
    RequestFailedError,
    RequestRefusedError,
    StageError,
)
from workers.metrics import count_tokens, step

_CODES: dict[type[EngineError], FailureCode] = {
    PromptTooLongError: FailureCode.DOCUMENT_TOO_LONG,
    RequestRefusedError: FailureCode.ENGINE_REFUSED,
    RequestFailedError: FailureCode.ENGINE_ERROR,
    AdapterRefusedError: FailureCode.ADAPTER_INVALID,
}


async def ask(
    engine: Engine, gate: Gate, request: EngineRequest, *, seconds: float, task: str
) -> EngineAnswer:
    """The engine's answer.

    Args:
        engine: Started.
        gate: Closed when the engine turns out to be gone.
        request: Has passed the gate.
        seconds: How long it may take.
        task: Named in failures.

    Raises:
        StageError: There is no answer.
    """
    try:
        answer = await _answer(engine, gate, request, seconds)
    except TimeoutError as error:
        raise StageError(
            FailureCode.REQUEST_TIMEOUT, f"No answer within {seconds:g} seconds.", task
        ) from error
    except EngineDiedError as error:
        # Before this slot is free again, so that nobody enters who would look like a suspect.
        gate.close()
        code = (
            FailureCode.ENGINE_OUT_OF_MEMORY if error.out_of_memory else FailureCode.ENGINE_CRASHED
        )
        raise StageError(code, str(error), task) from error
    except EngineError as error:
        raise StageError(_CODES[type(error)], str(error), task) from error
    count_tokens(engine.version, request.adapter.name if request.adapter else None, answer.usage)
    return answer


async def _answer(
    engine: Engine, gate: Gate, request: EngineRequest, seconds: float
) -> EngineAnswer:
    """What the engine answers; one that has no pulse is ended, so that all in it hear of it."""
    try:
        with step("engine"):
            async with asyncio.timeout(seconds):
                return await engine.generate(request)
    except TimeoutError:
        if await has_pulse(engine):
            raise
        gate.close()
        await engine.stop()
        raise EngineDiedError(
            f"The engine hangs: no answer within {seconds:g} seconds, and then none to one word."
        ) from None
