"""Memory of the fleet's engines, which outlives their workers."""

from __future__ import annotations

from typing import Literal

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available

EngineEvent = Literal["started", "died"]

_GATE_SECONDS = 600


class Engines:
    """The engines of all pools; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def gate(self, queue: str, host: str) -> int | None:
        """Return the gate that a pool's engine on a host was given after it died, or None."""
        async with available():
            slots = await self._redis.get(keys.GATE.format(queue=queue, host=host))
        return None if slots is None else int(slots)

    async def set_gate(self, queue: str, host: str, slots: int) -> None:
        """Remember for ten minutes that the engine died, and the gate that it may have now."""
        async with available():
            name = keys.GATE.format(queue=queue, host=host)
            await self._redis.set(name, slots, ex=_GATE_SECONDS)

    async def count(self, queue: str, event: EngineEvent) -> None:
        """Count that an engine of a pool started or died; a lost answer may count it twice."""
        async with available():
            await self._redis.hincrby(keys.ENGINES, f"{queue}:{event}", 1)
