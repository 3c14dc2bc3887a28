"""`partition`: a worker is cut off from Redis for longer than a lease, and comes back.

The network is silent, and no connection is closed. Others take the worker's jobs; its later writes
to the ledger change nothing.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from chaos.drill import Drill, Scenario
from chaos.drills.recovery import held_jobs, until_claimed
from chaos.parts.fleet import QUICK_LEASE, FleetPlan
from chaos.parts.proxy import Proxy
from chaos.tally import patiently, read_records

_RATE = 12


def _plan(is_short: bool) -> FleetPlan:
    # The drill starts the cut worker with the proxy's address.
    return FleetPlan(infer_workers=1, spares=1, variables=QUICK_LEASE if is_short else {})


async def _run(drill: Drill) -> None:
    fleet = drill.fleet
    address, _, port_and_db = fleet.environment["DOCFLEET_REDIS_URL"].rpartition(":")
    port, _, db = port_and_db.partition("/")
    await drill.load.upload(slow=(0.5, 3))
    async with Proxy(int(port)) as proxy:
        through = {"DOCFLEET_REDIS_URL": f"{address}:{proxy.port}/{db}"}
        cut_off = fleet.start_spare(through)
        await cut_off.until_ready()
        async with drill.load.flow(_RATE):
            for _ in range(int(drill.size(4, 1))):
                await drill.after(drill.size(8, 4))
                await _cut(drill, proxy, cut_off.pid)
            await drill.after(drill.size(8, 4))
            healed_at = len(drill.load.accepted)
            await drill.after(4)
        await drill.finish()
    later = list(drill.load.accepted)[healed_at:]
    by_it = sum(f"-{cut_off.pid}-" in drill.records[job].worker for job in later)
    drill.row.notes["jobs by the worker that was cut off, after the last cut"] = by_it
    drill.row.notes["outcomes dropped by the fence"] = fleet.times_logged(
        "infer-2", "outcome dropped"
    )
    drill.expect("the worker that was cut off did not go on working", holds=by_it > 0)
    drill.expect("the worker that was cut off ended", holds=not cut_off.exits)


async def _cut(drill: Drill, proxy: Proxy, pid: int) -> None:
    since = monotonic()
    proxy.cut()
    drill.injected()
    held = await patiently(lambda: held_jobs(drill.fleet, pid))
    recovering = asyncio.create_task(until_claimed(drill, dict(held), since))
    await drill.after(drill.size(25, 9))
    await recovering
    records = await patiently(lambda: read_records(drill.fleet, held))
    taken = sum(records[job].worker != worker for job, worker in held.items())
    drill.expect("no other worker took the jobs of the one cut off", holds=taken == len(held) > 0)
    proxy.heal()


SCENARIO = Scenario(
    "partition",
    "a worker that was cut off from Redis changes nothing when it comes back, and works on",
    _plan,
    _run,
)
