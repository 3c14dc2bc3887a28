"""A drill: one scenario at work on one fleet, and the row that it fills in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from chaos.parts.fleet import Fleet, FleetPlan
from chaos.parts.load import Load
from chaos.parts.receiver import CountingReceiver
from chaos.row import Row
from chaos.tally import Record, Tally, patiently, read_records

_PATIENCE_SECONDS = 150
"""Maximum seconds without progress, longer than any backoff in a drill."""

SHORT_RATE = 8
"""Jobs a second of a short run: each costs CPU, and tests share two cores."""


class Drill:
    """Tools of one scenario.

    Attributes:
        fleet: The fleet to break.
        load: The jobs.
        tally: Counts at the end.
        row: The outcome.
        records: The ledger's records of the jobs, once they are counted.
        is_short: True for small numbers.
    """

    def __init__(
        self, name: str, fleet: Fleet, receiver: CountingReceiver, *, is_short: bool
    ) -> None:
        self.fleet = fleet
        self.load = Load(fleet)
        self.receiver = receiver
        self.tally = Tally(fleet, self.load, receiver)
        self.row = Row(name)
        self.records: dict[str, Record] = {}
        self.is_short = is_short
        self.started = monotonic()

    def size(self, full: float, short: float) -> float:
        """Return the number for a full run, or for a short one."""
        return short if self.is_short else full

    def injected(self) -> None:
        """Count a fault."""
        self.row.injected += 1

    def expect(self, claim: str, *, holds: bool) -> None:
        """Record a claim that does not hold."""
        if not holds:
            self.row.wrong.append(claim)

    @property
    def told(self) -> int:
        """Return how many jobs' ends have been reported."""
        return sum(job in self.receiver.events for job in list(self.load.accepted))

    async def after(self, seconds: float) -> None:
        """Let the fleet work for some time."""
        await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Read the present records."""
        self.records = await patiently(lambda: read_records(self.fleet, self.load.accepted))

    async def finish(self, *, counts_ends: bool = True, forgets: bool = False) -> None:
        """Wait for the end of all jobs, and count; see Tally.count."""
        await self.fleet.until_ready()
        await self.tally.settle(_PATIENCE_SECONDS, self.size(20, 8))
        self.records = await self.tally.count(self.row, counts_ends=counts_ends, forgets=forgets)

    async def close(self) -> None:
        """Close the connections."""
        await self.tally.close()
        await self.load.close()


@dataclass(frozen=True)
class Scenario:
    """One way to break a fleet.

    Attributes:
        name: Name on the command line.
        claim: The claim that it proves, in one line.
        plan: Returns the fleet for a full or a short run.
        run: Breaks the fleet, and counts.
        is_long: True when its short form takes too long for `make test`.
    """

    name: str
    claim: str
    plan: Callable[[bool], FleetPlan]
    run: Callable[[Drill], Awaitable[None]]
    is_long: bool = False
