"""Deaths of workers: what the ledger is told of them, and the words for what they cost."""

from __future__ import annotations

from typing import NamedTuple

from ledger.scripts import Scripts
from schemas.failure import Failure, FailureCode


class Buried(NamedTuple):
    """What the deaths at a station came to.

    Attributes:
        workers: Those that are known dead now.
        expired: Records that they held and that go on.
        killed: Records that they held and that are dead letters now.
    """

    workers: int
    expired: int
    killed: int


class Deaths:
    """The deaths of workers; every method may raise LedgerUnavailableError."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def bury(self, station: str, *, losses: int, living: str = "") -> Buried:
        """Judge at once what the processes of a station held: they have ended.

        Args:
            station: The name of a worker that no other running one has.
            losses: How often one stage of a job may end a worker alone.
            living: The process that runs there now, if one does.
        """
        arguments = [station, living, losses, *loss_failures(losses)]
        return Buried(*await self._scripts.run("bury", [], arguments))


def loss_failures(losses: int) -> list[str]:
    """Return the failures of leases that ended with their worker, each as JSON.

    Args:
        losses: How often one stage of a job may end a worker alone.

    Returns:
        That of a lease lost together with others, of one lost alone, and of the last one.
    """
    words = (
        "The worker died or hung while it held this job and others: none of them is charged.",
        "The worker that held this job alone died, hung, or let go of it.",
        f"{losses} workers in turn that held this job alone died, hung, or let go of it.",
    )
    failures = (Failure.of(FailureCode.WORKER_KILLED, one) for one in words)
    return [failure.model_dump_json(exclude_none=True) for failure in failures]
