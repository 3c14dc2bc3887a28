"""`sigterm`: a worker with long jobs is told to stop, and gives them back."""

from __future__ import annotations

import asyncio
import signal
from time import monotonic

from chaos.drill import Drill, Scenario
from chaos.drills.recovery import held_jobs
from chaos.parts.fleet import QUICK_LEASE, FleetPlan
from chaos.parts.kept_part import KeptPart
from chaos.tally import patiently, read_records

_JOBS = 16
_BUDGET_SECONDS = 2
_LONG_BUDGET_SECONDS = 30
_GRACE_SECONDS = 5
_LOOK_SECONDS = 0.2


def _plan_with(budget: int) -> FleetPlan:
    return FleetPlan(
        infer_workers=1,
        concurrency=_JOBS,
        variables={**QUICK_LEASE, "DOCFLEET_LEASE__DRAIN_SECONDS": str(budget)},
    )


async def _until_held(drill: Drill, part: KeptPart, count: int) -> set[str]:
    """Wait until the worker holds a number of jobs, and return them."""
    async with asyncio.timeout(60):
        while True:
            held = await patiently(lambda: held_jobs(drill.fleet, part.pid))
            if len(held) >= count:
                return set(held)
            await asyncio.sleep(_LOOK_SECONDS)


async def _drill(drill: Drill, *, limit: float, is_twice: bool) -> None:
    part = drill.fleet.infer[0]
    await drill.load.upload(slow=(drill.size(20, 6), drill.size(20, 6)))
    for _ in range(int(drill.size(3, 1))):
        await part.until_ready()
        await drill.load.submit(_JOBS)
        held = await _until_held(drill, part, _JOBS)
        seconds = await _stop(part, is_twice=is_twice)
        drill.injected()
        drill.row.recovery_seconds.append(seconds)
        drill.expect(f"it took {seconds:.1f} s to end", holds=seconds <= limit)
        await _judge(drill, held)
        part.release()
    await drill.finish()


async def _judge(drill: Drill, held: set[str]) -> None:
    records = await patiently(lambda: read_records(drill.fleet, held))
    back = [record for record in records.values() if record.state == "queued"]
    drill.expect(f"{len(held) - len(back)} jobs not given back", holds=len(back) == len(held))
    charged = [record for record in back if record.attempts or record.history]
    drill.expect(f"{len(charged)} jobs were charged", holds=not charged)


async def _stop(part: KeptPart, *, is_twice: bool) -> float:
    """Tell the worker to end, once or twice, and keep it down; return the seconds that it took."""
    part.hold()
    pid, since = part.pid, monotonic()
    part.send(signal.SIGTERM)
    if is_twice:
        await asyncio.sleep(_LOOK_SECONDS)
        part.send(signal.SIGTERM)
    await part.down(pid)
    return monotonic() - since


async def _run_once(drill: Drill) -> None:
    await _drill(drill, limit=_BUDGET_SECONDS + _GRACE_SECONDS, is_twice=False)


async def _run_twice(drill: Drill) -> None:
    await _drill(drill, limit=_GRACE_SECONDS, is_twice=True)


SCENARIOS = (
    Scenario(
        "sigterm",
        "a worker that is to stop gives its jobs back uncharged when its budget is spent",
        lambda _: _plan_with(_BUDGET_SECONDS),
        _run_once,
    ),
    Scenario(
        "sigterm-twice",
        "a second SIGTERM makes it give them back at once",
        lambda _: _plan_with(_LONG_BUDGET_SECONDS),
        _run_twice,
    ),
)
