"""`workers-killed`: a random infer worker is killed every two seconds until all jobs are done."""

from __future__ import annotations

import asyncio
import random
import statistics

from chaos.drill import Drill, Scenario
from chaos.drills.recovery import kill_worker
from chaos.parts.fleet import QUICK_LEASE, FleetPlan

_MOST_SECONDS = 15
"""Maximum median: a lease of ten seconds, a sweep, and a free place with another worker."""
_EVERY_SECONDS = 2
_EVERY_SECONDS_IN_SHORT = 3
"""Two workers that are killed faster than they start would do nothing."""


def _plan(is_short: bool) -> FleetPlan:
    return FleetPlan(
        infer_workers=2 if is_short else 4,
        concurrency=16 if is_short else 32,
        variables={
            **(QUICK_LEASE if is_short else {}),
            # Three lost leases in a row make a dead letter, which is right for a job that kills its
            # workers. Here all workers are killed all the time, and some jobs are hit three times.
            "DOCFLEET_LEASE__ATTEMPTS": "20",
        },
    )


async def _run(drill: Drill) -> None:
    jobs = int(drill.size(5000, 150))
    await drill.load.upload(slow=(0.4, 0.9))
    submitting = asyncio.create_task(drill.load.submit(jobs))
    recoveries = []
    while drill.told < jobs:
        await drill.after(drill.size(_EVERY_SECONDS, _EVERY_SECONDS_IN_SHORT))
        if ready := [part for part in drill.fleet.infer if part.ready.is_set()]:
            recoveries.append(await kill_worker(drill, random.choice(ready)))
    await submitting
    await asyncio.gather(*recoveries)
    await drill.finish()
    if not drill.is_short:
        median = statistics.median(drill.row.recovery_seconds)
        drill.expect(f"recovery took {median:.1f} s", holds=median < _MOST_SECONDS)


SCENARIO = Scenario(
    "workers-killed",
    "a killed worker costs no job, and other workers soon go on with what it held",
    _plan,
    _run,
)
