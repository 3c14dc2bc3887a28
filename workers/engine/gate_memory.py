"""Memory of the gate: half as wide after repeated deaths of the engine, then wider by one."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from ledger.errors import LedgerUnavailableError
from ledger.ledger import Ledger
from workers.engine.gate import Gate

log = structlog.get_logger(__name__)

_GROW_SECONDS = 30


class GateSize:
    """The memory of a gate, which outlives its worker: a death ends the process.

    The ledger remembers a death for ten minutes. The first leaves the gate as it is, for a single
    document may be the cause; another one within that time halves it.

    Args:
        ledger: Remembers.
        queue: The pool's.
        host: The machine that the engine is on.
        gate: Opened to the full.
    """

    def __init__(self, ledger: Ledger, queue: str, host: str, gate: Gate) -> None:
        self._ledger = ledger
        self._queue = queue
        self._host = host
        self._gate = gate
        self._most = gate.slots
        self._growing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The engine has started: set the gate as it was left, and let it grow from there."""
        with suppress(LedgerUnavailableError):
            await self._ledger.engines.count(self._queue, "started")
            remembered = await self._ledger.engines.gate(self._queue, self._host)
            if remembered is not None:
                self._gate.resize(min(remembered, self._most))
        if self._gate.slots < self._most:
            log.warning("gate lowered", slots=self._gate.slots, tuned=self._most)
            self._growing = asyncio.create_task(self._grow())

    async def engine_died(self, *, alone: bool) -> None:
        """Remember a death.

        Args:
            alone: Whether one request was all that it had, which says nothing of how many it can
                take.
        """
        with suppress(LedgerUnavailableError):
            await self._ledger.engines.count(self._queue, "died")
            if alone:
                return
            remembered = await self._ledger.engines.gate(self._queue, self._host)
            slots = self._gate.slots if remembered is None else max(1, self._gate.slots // 2)
            await self._ledger.engines.set_gate(self._queue, self._host, slots)

    async def _grow(self) -> None:
        while self._gate.slots < self._most:
            await asyncio.sleep(_GROW_SECONDS)
            self._gate.resize(self._gate.slots + 1)
            with suppress(LedgerUnavailableError):
                await self._ledger.engines.set_gate(self._queue, self._host, self._gate.slots)

    async def stop(self) -> None:
        """Leave it as it is."""
        if self._growing is not None:
            self._growing.cancel()
