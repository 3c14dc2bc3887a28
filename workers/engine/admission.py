"""Admission of schemas to one engine: each schema is tried once, before a request carries it.

A tenant's schemas are tried one at a time, and few of its jobs may wait here: its others are given
back, so that slow or refused schemas do not block other tenants.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import structlog

from workers.engine.protocol import Engine
from workers.errors import EngineError, PostponedError

log = structlog.get_logger(__name__)

_OWN = ""
"""Owner of the fleet's own schemas; no tenant has this name."""
_MOST_VERDICTS = 4096
_AT_ONCE = 2
_SHARE = 4
"""Divisor of the engine's slots that gives the number of a tenant's jobs that may wait here."""
_LATER_SECONDS = 5.0
_LATEST_SECONDS = 300.0


@dataclass
class _Turn:
    """One tenant's turn to have a schema tried."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    last_seconds: float = 0
    postponed_to: float = 0


class Admission:
    """Decides on schemas before the engine sees them.

    Args:
        engine: The engine, started before the first schema comes.
        slots: Maximum requests in the engine at once.
    """

    def __init__(self, engine: Engine, slots: int) -> None:
        self._engine = engine
        self._most_waiting = max(1, slots // _SHARE)
        self._verdicts: OrderedDict[bytes, str | None] = OrderedDict()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._turns: defaultdict[str, _Turn] = defaultdict(_Turn)

    async def problem(self, schema: Mapping[str, Any], tenant: str) -> str | None:
        """Return why the engine refuses a schema, with the place; None when it accepts it.

        Args:
            schema: JSON Schema that `check_guidable` takes.
            tenant: The owner of the schema.

        Raises:
            PostponedError: Other jobs of the tenant are already waiting.
            RequestFailedError: The trial gave no answer.
            EngineDiedError: The engine is gone.
        """
        digest = _digest(schema)
        if digest not in self._verdicts:
            turn = self._turns[tenant]
            if turn.waiting >= self._most_waiting:
                raise PostponedError("the tenant's schemas are being tried", self._later(turn))
            with _waiting(turn):
                async with turn.lock, self._places:
                    await self._try(digest, schema, turn)
        self._verdicts.move_to_end(digest)
        return self._verdicts[digest]

    def known_problem(self, schema: Mapping[str, Any]) -> str | None:
        """Return the outcome of an earlier trial; None when there was none."""
        return self._verdicts.get(_digest(schema))

    async def try_own(self, schemas: Sequence[Mapping[str, Any]]) -> None:
        """Try the schemas of the fleet's own tasks, beside other work."""
        for schema in schemas:
            try:
                problem = await self.problem(schema, _OWN)
            except EngineError as error:
                log.warning("a task's schema was not tried", reason=str(error))
                continue
            if problem is not None:
                log.error("a task's schema costs too much: its jobs fail", problem=problem)

    async def _try(self, digest: bytes, schema: Mapping[str, Any], turn: _Turn) -> None:
        if digest in self._verdicts:  # an earlier task had the same schema
            return
        started = monotonic()
        self._verdicts[digest] = await self._engine.schema_problem(schema)
        turn.last_seconds = monotonic() - started
        while len(self._verdicts) > _MOST_VERDICTS:
            self._verdicts.popitem(last=False)

    def _later(self, turn: _Turn) -> float:
        """Return the seconds until a job's turn, in the order of the waiting trials."""
        now = monotonic()
        latest = now + _LATEST_SECONDS
        turn.postponed_to = min(max(turn.postponed_to, now) + turn.last_seconds, latest)
        return max(turn.postponed_to - now, _LATER_SECONDS)


def _digest(schema: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(schema).encode(), digest_size=16).digest()


@contextmanager
def _waiting(turn: _Turn) -> Iterator[None]:
    turn.waiting += 1
    try:
        yield
    finally:
        turn.waiting -= 1
