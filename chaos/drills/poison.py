"""One document among many ends a process whenever it is in flight.

All documents in flight become suspects; few of them run at once, and then one alone. Only the one
that ends the process alone is charged, and only it is dead in the end.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from chaos.drill import Drill
from chaos.parts.fleet import QUICK_LEASE, FleetPlan

CONCURRENCY = 32
_MOST_DEATHS = math.ceil(math.log2(CONCURRENCY)) + 2


class Poison(NamedTuple):
    """A fault of the scripted engine, and its consequences."""

    fault: str
    ended: str
    """The process that ends, in the words of the table."""
    code: str
    """Failure code of the dead letter."""
    slow: tuple[float, float]
    """Seconds that the other documents take."""


def poisoned_plan(*, is_short: bool, workers: int = 1) -> FleetPlan:
    """Return a fleet in which many documents are in flight."""
    return FleetPlan(
        infer_workers=workers,
        concurrency=CONCURRENCY,
        variables=QUICK_LEASE if is_short else {},
    )


async def run_poisoned(drill: Drill, poison: Poison, jobs: int) -> Counter[int]:
    """Run one guilty document among others; return how often each exit status was seen."""
    await drill.load.upload(slow=poison.slow)
    exits_before = [len(part.exits) for part in drill.fleet.infer]
    await drill.load.submit(jobs // 2)
    guilty = await drill.load.submit_text(
        f"A claim.\ndocfleet-fault: slow 0.2\ndocfleet-fault: {poison.fault}\n"
    )
    await drill.load.submit(jobs - jobs // 2 - 1)
    drill.row.dead_expected = 1
    await drill.finish()
    exits = Counter(
        code
        for part, before in zip(drill.fleet.infer, exits_before, strict=True)
        for code in part.exits[before:]
    )
    deaths = exits.total()
    drill.row.injected = drill.row.notes[f"{poison.ended} deaths"] = deaths
    drill.expect(f"{poison.ended}s died {deaths} times", holds=deaths <= _MOST_DEATHS)
    code = drill.records.pop(guilty).code
    drill.expect(f"the guilty job is dead with {code!r}", holds=code == poison.code)
    charged = [
        job
        for job, record in drill.records.items()
        if any(entry["charged"] for entry in record.history)
    ]
    drill.expect(f"{len(charged)} neighbours were charged", holds=not charged)
    return exits
