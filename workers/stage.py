"""What a stage is to the worker that runs it."""

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
        """How many records it can hold at once, as things are."""

    @property
    def most(self) -> int:
        """How many records it can hold at once when all is well."""

    @property
    def engine(self) -> EngineVersion | None:
        """What answers, where an engine does."""

    async def start(self) -> None:
        """Get ready; until then no work is taken."""

    async def run(self, claim: Claim) -> Outcome:
        """Run one attempt. Being cancelled means: stop at once, and let what you hold go.

        Raises:
            StageError: The attempt failed, for a reason that has a code.
        """

    async def stop(self) -> None:
        """Let everything go."""
