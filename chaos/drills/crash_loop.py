"""`crash-loop`: one of two workers is killed every three seconds, up to ten times.

Both workers first run the same jobs without kills: the row gives the ratio of the times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

from chaos.drill import Drill, Scenario
from chaos.parts.fleet import QUICK_LEASE, FleetPlan
from chaos.parts.kept_part import KeptPart

_KILLS = 10
_WORKS_SECONDS = 1.5
"""Seconds until it is killed again; it starts again at once."""
_ENOUGH = 3
"""Minimum kills before the last job ends."""
_MOST_TIMES_AS_LONG = 2.5
"""Maximum ratio; a fleet that lost one of its two workers for good needs twice the time."""

_LOOK_SECONDS = 0.1
_READ_PER_SECOND = 8
_ONE_READER = {"DOCFLEET_PREPARE_CONCURRENCY": "1"}
"""Readers must not delay the start of the killed worker."""


async def _drill(drill: Drill, part: KeptPart, submit: Callable[[int], Awaitable[None]]) -> None:
    jobs = int(drill.size(400, 40))
    in_peace = await _seconds_for(drill, jobs, submit)
    killing = asyncio.create_task(_kill_again_and_again(drill, part))
    disturbed = await _seconds_for(drill, jobs, submit)
    killing.cancel()
    await asyncio.wait({killing})
    await drill.finish()
    ratio = disturbed / in_peace
    drill.row.notes["seconds in peace"] = round(in_peace, 1)
    drill.row.notes["seconds disturbed"] = round(disturbed, 1)
    drill.row.notes["times as long"] = round(ratio, 2)
    if not drill.is_short:
        drill.expect("the killed worker never crash-looped", holds=drill.row.injected >= _ENOUGH)
        drill.expect(f"it took {ratio:.1f} times as long", holds=ratio <= _MOST_TIMES_AS_LONG)


async def _seconds_for(drill: Drill, jobs: int, submit: Callable[[int], Awaitable[None]]) -> float:
    """Submit a number of jobs, and wait until the end of each is reported."""
    since, told = monotonic(), drill.told
    await submit(jobs)
    while drill.told < told + jobs:
        await asyncio.sleep(_LOOK_SECONDS)
    return monotonic() - since


async def _kill_again_and_again(drill: Drill, part: KeptPart) -> None:
    for _ in range(_KILLS):
        await part.until_ready()
        await drill.after(_WORKS_SECONDS)
        await part.kill()
        drill.injected()


async def _run_infer(drill: Drill) -> None:
    await drill.load.upload(slow=(1.5, 2.5))
    await _drill(drill, drill.fleet.infer[0], drill.load.submit)


async def _run_prepare(drill: Drill) -> None:
    async def submit(count: int) -> None:
        # Each text is different and has to be read; one worker can do no more.
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(drill.load.submit_text(f"Claim {drill.told}-{number}\nHail."))
                await asyncio.sleep(1 / _READ_PER_SECOND)

    await _drill(drill, drill.fleet.parts["prepare-deliver-2"], submit)


def _plan(is_short: bool, plan: FleetPlan) -> FleetPlan:
    return replace(plan, variables={**plan.variables, **QUICK_LEASE}) if is_short else plan


SCENARIOS = (
    Scenario(
        "crash-loop",
        "an infer worker that crash-loops does not keep its neighbour from work",
        lambda is_short: _plan(is_short, FleetPlan(infer_workers=2, concurrency=16)),
        _run_infer,
        is_long=True,
    ),
    Scenario(
        "crash-loop-prepare",
        "nor does a prepare worker",
        lambda is_short: _plan(
            is_short, FleetPlan(infer_workers=1, prepare_workers=2, variables=_ONE_READER)
        ),
        _run_prepare,
        is_long=True,
    ),
)
