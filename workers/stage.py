"""Protocol of a stage, as the worker that runs it sees it."""

from __future__ import annotations

from typing import Protocol

from ledger.claim import Claim
from schemas.engine import EngineVersion
from workers.outcome import Outcome


class WorkerStage(Protocol):
    """Serves one queue: turns claims into outcomes."""

    @property
    def queue(self) -> str:
        """Return the queue that it serves."""

    @property
    def capacity(self) -> int:
        """Return the maximum records at present."""

    @property
    def max_capacity(self) -> int:
        """Return the maximum records when all is well."""

    @property
    def engine(self) -> EngineVersion | None:
        """Return the engine's version, or None for a stage without an engine."""

    async def start(self) -> None:
        """Prepare for work; no work is taken before."""

    async def run(self, claim: Claim) -> Outcome:
        """Run one attempt. When cancelled, stop at once and release everything.

        Raises:
            StageError: The attempt failed, with a code.
        """

    async def stop(self) -> None:
        """Release everything."""
