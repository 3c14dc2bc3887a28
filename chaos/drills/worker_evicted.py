"""`worker-evicted`: one worker is killed three times, ten seconds apart, and no job is to blame."""

from __future__ import annotations

import asyncio

from chaos.drill import Drill, Scenario
from chaos.drills.recovery import kill_worker
from chaos.parts.fleet import QUICK_LEASE, FleetPlan

_JOBS = 32
_KILLS = 3


def _plan(is_short: bool) -> FleetPlan:
    return FleetPlan(infer_workers=1, concurrency=_JOBS, variables=QUICK_LEASE if is_short else {})


async def _run(drill: Drill) -> None:
    part = drill.fleet.infer[0]
    await drill.load.upload(slow=(drill.size(4, 0.8), drill.size(6, 1.2)))
    await drill.load.submit(_JOBS)
    recoveries = []
    for _ in range(_KILLS):
        await part.until_ready()
        await drill.after(drill.size(3, 0.6))
        recoveries.append(await kill_worker(drill, part))
        await drill.after(drill.size(7, 1))
    await asyncio.gather(*recoveries)
    await drill.finish()


SCENARIO = Scenario(
    "worker-evicted",
    "a worker that is killed three times costs no job, though all were in flight",
    _plan,
    _run,
    is_long=True,
)
