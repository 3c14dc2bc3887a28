"""The heartbeat: renews the leases that this worker holds, and reports its capacity."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import monotonic

from ledger.errors import LedgerUnavailableError
from ledger.ledger import Ledger
from settings.sections.lease import LeaseSettings
from workers.runtime.attempts import Attempts
from workers.runtime.periodic import repeat
from workers.stage import WorkerStage


class LastBeat:
    """Time of the last heartbeat that reached Redis, readable from any thread.

    Args:
        lease_seconds: Seconds without a heartbeat after which the worker's leases are lost.
    """

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._at: float | None = None

    def note(self) -> None:
        """Record that a heartbeat reached Redis."""
        self._at = monotonic()

    def health_problem(self) -> str | None:
        """Return the health problem, or None when all is well."""
        if self._at is None:
            return "starting"
        silent = monotonic() - self._at
        if silent < self._lease_seconds:
            return None
        return f"no heartbeat has reached Redis for {silent:.0f} s"


class Heartbeat:
    """Beats for one worker process, on its event loop."""

    def __init__(
        self,
        ledger: Ledger,
        worker: str,
        lease: LeaseSettings,
        attempts: Attempts,
        stages: Iterable[WorkerStage],
        last_beat: LastBeat,
    ) -> None:
        self._ledger = ledger
        self._worker = worker
        self._lease = lease
        self._attempts = attempts
        self._stages = tuple(stages)
        self._last_beat = last_beat
        self._retired = False

    async def beat(self) -> None:
        """Beat once, and follow the ledger's answer."""
        try:
            # Well before a lease ends: the next beat may find a working connection.
            async with asyncio.timeout(self._lease.seconds / 4):
                beat = await self._ledger.heartbeat(
                    self._worker, self._lease.seconds, self._capacity(), self._attempts.claims
                )
        except TimeoutError as error:
            raise LedgerUnavailableError("Redis does not answer the heartbeat in time") from error
        self._last_beat.note()
        self._attempts.heed(beat)

    async def beat_forever(self) -> None:
        """Beat until cancelled."""
        await repeat("heartbeat", self._lease.heartbeat_seconds, self.beat)

    def retire(self) -> None:
        """Report no capacity from the next beat on."""
        self._retired = True

    def _capacity(self) -> dict[str, int]:
        return {stage.queue: 0 if self._retired else stage.capacity for stage in self._stages}
