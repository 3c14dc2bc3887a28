"""Memory of the gate: half the slots after repeated deaths, then one more at a time."""

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

    The ledger remembers a death for ten minutes. The first death leaves the gate as it is, because
    one document may be the cause; another death within that time halves it.

    Args:
        ledger: Holds the memory.
        queue: Queue of the pool.
        host: Machine of the engine.
        gate: The gate, fully open.
    """

    def __init__(self, ledger: Ledger, queue: str, host: str, gate: Gate) -> None:
        self._ledger = ledger
        self._queue = queue
        self._host = host
        self._gate = gate
        self._most = gate.slots
        self._growing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Set the gate to its last size, and let it grow from there."""
        with suppress(LedgerUnavailableError):
            await self._ledger.engines.count(self._queue, "started")
            remembered = await self._ledger.engines.gate(self._queue, self._host)
            if remembered is not None:
                self._gate.resize(min(remembered, self._most))
        if self._gate.slots < self._most:
            log.warning("gate lowered", slots=self._gate.slots, tuned=self._most)
            self._growing = asyncio.create_task(self._grow())

    async def engine_died(self, *, alone: bool) -> None:
        """Record a death.

        Args:
            alone: True when the engine had only one request, which says nothing about its capacity.
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
        """Stop growing."""
        if self._growing is not None:
            self._growing.cancel()
