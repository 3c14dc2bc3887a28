"""The sweep: one script that finds and repairs faults anywhere in the fleet."""

from __future__ import annotations

from typing import NamedTuple

from ledger.fleet.deaths import loss_failures
from ledger.record import duration_ms
from ledger.scripts import Scripts
from schemas.failure import Failure, FailureCode

_RESENDS = 20
_BATCH = 256


class Swept(NamedTuple):
    """Counts of the records that one sweep repaired."""

    expired: int
    killed: int
    woken: int
    resent: int
    undeliverable: int
    pardoned: int
    forgotten: int


class Sweeps:
    """Sweeps of one ledger; they may raise LedgerUnavailableError."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def run(
        self,
        *,
        every_seconds: float,
        lease_seconds: float,
        grace_seconds: float,
        losses: int,
        retention_seconds: float,
    ) -> Swept:
        """Repair faults; do nothing when another worker has just done so.

        Args:
            every_seconds: Seconds between two sweeps of the whole fleet.
            lease_seconds: The length of a lease.
            grace_seconds: Seconds that a message may stay unclaimed before the sweep looks for it.
            losses: Maximum times that one stage of a job may end a worker alone.
            retention_seconds: Seconds for which a record that ended is kept, except dead letters.
        """
        undeliverable = Failure.of(
            FailureCode.QUEUE_UNDELIVERABLE, f"The message was lost {_RESENDS} times."
        )
        arguments = [
            duration_ms(every_seconds),
            duration_ms(lease_seconds),
            duration_ms(grace_seconds),
            losses,
            _RESENDS,
            _BATCH,
            undeliverable.model_dump_json(exclude_none=True),
            *loss_failures(losses),
            duration_ms(retention_seconds),
        ]
        return Swept(*await self._scripts.run("sweep", [], arguments))
