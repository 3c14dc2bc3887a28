"""`worker-poisoned`: one document of many ends the worker's process whenever it is in flight.

All documents in flight become suspects; few of them run at once, and then one alone. Only the one
that ends its worker alone is charged, and only it is dead in the end.
"""

from __future__ import annotations

import math

from chaos.drill import Drill, Scenario
from chaos.parts.fleet import QUICK_LEASE, FleetPlan

_CONCURRENCY = 32
_MOST_DEATHS = math.ceil(math.log2(_CONCURRENCY)) + 2
_CODE = "worker.killed"
_KILLER = "A claim.\ndocfleet-fault: slow 0.2\ndocfleet-fault: worker-dies\n"


async def _run(drill: Drill, jobs: int) -> None:
    await drill.load.upload(slow=(0.5, 1))
    exits_before = [len(part.exits) for part in drill.fleet.infer]
    await drill.load.submit(jobs // 2)
    guilty = await drill.load.submit_text(_KILLER)
    await drill.load.submit(jobs - jobs // 2 - 1)
    drill.row.dead_expected = 1
    await drill.finish()
    deaths = sum(
        len(part.exits) - before
        for part, before in zip(drill.fleet.infer, exits_before, strict=True)
    )
    drill.row.injected = drill.row.notes["worker deaths"] = deaths
    drill.expect(f"workers died {deaths} times", holds=deaths <= _MOST_DEATHS)
    code = drill.records.pop(guilty).code
    drill.expect(f"the guilty job is dead with {code!r}", holds=code == _CODE)
    charged = [
        job
        for job, record in drill.records.items()
        if any(entry["charged"] for entry in record.history)
    ]
    drill.expect(f"{len(charged)} neighbours were charged", holds=not charged)


async def _run_one_worker(drill: Drill) -> None:
    await _run(drill, int(drill.size(_CONCURRENCY, 12)))


async def _run_two_workers(drill: Drill) -> None:
    await _run(drill, int(drill.size(400, 60)))


def _plan(workers: int, *, is_short: bool) -> FleetPlan:
    return FleetPlan(
        infer_workers=workers,
        concurrency=_CONCURRENCY,
        variables=QUICK_LEASE if is_short else {},
    )


SCENARIOS = (
    Scenario(
        "worker-poisoned",
        "a document that ends its worker ends as a dead letter; those in flight with it do not",
        lambda is_short: _plan(1, is_short=is_short),
        _run_one_worker,
    ),
    Scenario(
        "worker-poisoned-two",
        "the same among 400 jobs and two workers",
        lambda is_short: _plan(2, is_short=is_short),
        _run_two_workers,
        is_long=True,
    ),
)
