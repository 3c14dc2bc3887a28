"""An engine that no longer answers, and does not die: told from one that is only slow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schemas.failure import FailureCode
from workers.engine.gated import GatedEngine
from workers.engine.protocol import EngineRequest
from workers.errors import GateClosedError, StageError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

SLOTS = 2


def _request(request_id: str) -> EngineRequest:
    """One that takes a while."""
    digits = {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 9},
        "minItems": 400,
        "maxItems": 400,
    }
    return EngineRequest(
        request_id=request_id,
        messages=[{"role": "user", "content": "Count.\ndocfleet-fault: slow 3"}],
        schema={"type": "object", "properties": {"d": digits}, "required": ["d"]},
        max_tokens=1200,
    )


async def _ask_all(engine: GatedEngine, seconds: float) -> list[FailureCode]:
    """How requests that fill the engine fail."""

    async def one(number: int) -> FailureCode:
        with pytest.raises(StageError) as caught:
            await engine.ask(_request(f"{number}"), seconds=seconds, task="count")
        return caught.value.failure.code

    return list(await asyncio.gather(*(one(number) for number in range(SLOTS))))


def test_a_request_that_is_too_slow_times_out_and_the_engine_goes_on(host: Any) -> None:
    """The engine answers the next request."""
    engine = GatedEngine(host.engine, SLOTS)
    assert set(host.call(_ask_all(engine, 0.2))) == {FailureCode.REQUEST_TIMEOUT}
    short = EngineRequest("short", [{"role": "user", "content": "Hi"}], None, max_tokens=2)
    assert host.call(host.engine.generate(short)).usage.output_tokens > 0


def test_an_engine_that_hangs_counts_as_dead(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each request in it, and soon: nobody waits for an engine that will not answer."""
    monkeypatch.setattr("workers.engine.gated.PULSE_SECONDS", 0.5)
    engine = GatedEngine(host.engine, SLOTS)
    host.hang()
    assert set(host.call(_ask_all(engine, 0.5))) == {FailureCode.ENGINE_CRASHED}
    with pytest.raises(GateClosedError):
        host.call(engine.ask(_request("late"), seconds=5, task="count"))
