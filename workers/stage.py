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
        """The queue that it serves."""

    @property
    def capacity(self) -> int:
        """Maximum records at present."""

    @property
    def max_capacity(self) -> int:
        """Maximum records when all is well."""

    @property
    def engine(self) -> EngineVersion | None:
        """The engine's version, where the stage has an engine."""

    async def start(self) -> None:
        """Get ready; until then no work is taken."""

    async def run(self, claim: Claim) -> Outcome:
        """Run one attempt. Being cancelled means: stop at once, and let what you hold go.

        Raises:
            StageError: The attempt failed, for a reason that has a code.
        """

    async def stop(self) -> None:
        """Let everything go."""
