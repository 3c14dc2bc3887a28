"""Deaths of workers: how the ledger learns of them, and the failures that they cause."""

from __future__ import annotations

from typing import NamedTuple

from ledger.scripts import Scripts
from schemas.failure import Failure, FailureCode


class Buried(NamedTuple):
    """The consequences of the deaths at a station.

    Attributes:
        workers: Number of workers that are now known to be dead.
        expired: Records that they held and that go on.
        killed: Records that they held and that are now dead letters.
    """

    workers: int
    expired: int
    killed: int


class Deaths:
    """The deaths of workers; every method may raise LedgerUnavailableError."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def bury(self, station: str, *, losses: int, living: str = "") -> Buried:
        """Settle at once all leases of the processes of a station, which have ended.

        Args:
            station: The name of a worker; no other running worker has it.
            losses: Maximum times that one stage of a job may end a worker alone.
            living: The process that runs there now, if there is one.
        """
        arguments = [station, living, losses, *loss_failures(losses)]
        return Buried(*await self._scripts.run("bury", [], arguments))


def loss_failures(losses: int) -> list[str]:
    """Return the failures of leases that ended with their worker, each as JSON.

    Args:
        losses: Maximum times that one stage of a job may end a worker alone.

    Returns:
        The failure of a lease lost together with others, of one lost alone, and of the last one.
    """
    words = (
        "The worker died or hung while it held this job and others: none of them is charged.",
        "The worker that held this job alone died, hung, or let go of it.",
        f"{losses} workers in turn that held this job alone died, hung, or let go of it.",
    )
    failures = (Failure.of(FailureCode.WORKER_KILLED, one) for one in words)
    return [failure.model_dump_json(exclude_none=True) for failure in failures]
