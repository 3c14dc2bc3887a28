"""`crash-loop`: one of two workers is killed every three seconds, up to ten times.

The same jobs are run by both in peace first: the row says how many times as long they took.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

from chaos.drill import Drill, Scenario
from chaos.fleet import QUICK_LEASE, FleetPlan
from chaos.kept_part import KeptPart

_KILLS = 10
_EVERY_SECONDS = 3
_ENOUGH = 5
"""Kills that have to come before the last job ends."""
_MOST_TIMES_AS_LONG = 2.5
"""Twice is what a fleet needs that has lost one of its two workers for good."""

_LOOK_SECONDS = 0.1


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
    """Submit so many jobs, and wait until the end of each is told of."""
    since, told = monotonic(), drill.told
    await submit(jobs)
    while drill.told < told + jobs:
        await asyncio.sleep(_LOOK_SECONDS)
    return monotonic() - since


async def _kill_again_and_again(drill: Drill, part: KeptPart) -> None:
    for _ in range(_KILLS):
        await drill.after(_EVERY_SECONDS)
        await part.kill()
        drill.injected()


async def _run_infer(drill: Drill) -> None:
    await drill.load.upload(slow=(0.8, 1.2))
    await _drill(drill, drill.fleet.infer[0], drill.load.submit)


async def _run_prepare(drill: Drill) -> None:
    async def submit(count: int) -> None:
        # Each a text of its own, which has to be read.
        texts = (f"Claim {drill.told}-{number}\nHail." for number in range(count))
        await asyncio.gather(*(drill.load.submit_text(text) for text in texts))

    await _drill(drill, drill.fleet.parts["prepare-deliver-2"], submit)


def _plan(is_short: bool, plan: FleetPlan) -> FleetPlan:
    return replace(plan, variables=QUICK_LEASE) if is_short else plan


SCENARIOS = (
    Scenario(
        "crash-loop",
        "an infer worker that crash-loops does not keep its neighbour from work",
        lambda is_short: _plan(is_short, FleetPlan(infer_workers=2, concurrency=8)),
        _run_infer,
        is_long=True,
    ),
    Scenario(
        "crash-loop-prepare",
        "nor does a prepare worker",
        lambda is_short: _plan(is_short, FleetPlan(infer_workers=1, prepare_workers=2)),
        _run_prepare,
        is_long=True,
    ),
)
