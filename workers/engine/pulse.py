"""The pulse: whether an engine that let a request time out answers anybody at all."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from workers.engine.protocol import Engine, EngineRequest
from workers.errors import EngineDiedError, EngineError

PULSE_SECONDS = 120
"""More than the prefill of a long prompt takes on a slow machine."""
_QUESTION = EngineRequest("pulse", [{"role": "user", "content": "?"}], schema=None, max_tokens=1)


async def has_pulse(engine: Engine) -> bool:
    """Ask for one token; the request that timed out has left its slot to it.

    Raises:
        EngineDiedError: The engine is known to be gone.
    """
    try:
        async with asyncio.timeout(PULSE_SECONDS):
            await engine.generate(replace(_QUESTION, request_id=f"pulse:{secrets.token_hex(4)}"))
    except TimeoutError:
        return False
    except EngineDiedError:
        raise
    except EngineError:
        return True  # a refusal is an answer
    return True
