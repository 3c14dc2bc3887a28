"""`clock-skew`: one worker's clock is a minute ahead, another's behind, and some are killed.

`time.time` is shifted, which kombu and Celery read; leases use only Redis TIME.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from time import time

from chaos.drill import SHORT_RATE, Drill, Scenario
from chaos.drills.recovery import kill_worker, stolen
from chaos.parts.fleet import QUICK_LEASE, ROOT, FleetPlan
from chaos.tally import patiently

_SKEW_SECONDS = 60
_RATE = 20
_LOOK_SECONDS = 0.2
_UNACKED = "unacked_index"
"""Key in which kombu stores its own time beside each message."""

_SITE = """\
import time
time.time = lambda real=time.time: real() + {seconds}
time.time_ns = lambda real=time.time_ns: real() + {seconds} * 10**9
"""


def _plan(is_short: bool) -> FleetPlan:
    variables = {
        **(QUICK_LEASE if is_short else {}),
        # One of three workers is killed every few seconds, and some jobs are hit three times.
        "DOCFLEET_LEASE__ATTEMPTS": "20",
    }
    return FleetPlan(infer_workers=1, spares=2, variables=variables)


def _skewed(folder: Path, seconds: int) -> dict[str, str]:
    """Return the environment that shifts a Python process's clock ahead."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_SITE.format(seconds=seconds))
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


async def _watch_clocks(drill: Drill, skews: list[float]) -> None:
    """Measure the distance between kombu's times and ours."""
    while True:
        noted = await patiently(lambda: drill.fleet.redis.zrange(_UNACKED, 0, -1, withscores=True))
        skews += [float(entry[1]) - time() for entry in noted]
        await asyncio.sleep(_LOOK_SECONDS)


async def _run(drill: Drill) -> None:
    fleet = drill.fleet
    for name, seconds in (("ahead", _SKEW_SECONDS), ("behind", -_SKEW_SECONDS)):
        await fleet.start_spare(_skewed(fleet.state.path / name, seconds)).until_ready()
    await drill.load.upload(slow=(0.3, 2))
    skews: list[float] = []
    watching = asyncio.create_task(_watch_clocks(drill, skews))
    recoveries = []
    async with drill.load.flow(drill.size(_RATE, SHORT_RATE)):
        for _ in range(int(drill.size(10, 2))):
            await drill.after(drill.size(5, 3))
            if ready := [part for part in fleet.infer if part.ready.is_set()]:
                recoveries.append(await kill_worker(drill, random.choice(ready)))
    await asyncio.gather(*recoveries)
    await drill.finish()
    watching.cancel()
    drill.row.notes["clocks seen, s"] = [round(min(skews)), round(max(skews))]
    enough = max(skews) > _SKEW_SECONDS / 2 and min(skews) < -_SKEW_SECONDS / 2
    drill.expect("the clocks were not skewed", holds=enough)
    killed = {pid for part in fleet.infer for pid in part.pids[:-1]}
    taken = stolen(drill, killed)
    drill.expect(f"{taken} leases were taken from live workers", holds=taken == 0)


SCENARIO = Scenario(
    "clock-skew",
    "workers' clocks do not matter: no job is lost, and none taken from a live worker",
    _plan,
    _run,
)
