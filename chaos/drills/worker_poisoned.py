"""`worker-poisoned`: one document of many ends the worker's process whenever it is in flight."""

from __future__ import annotations

from chaos.drill import Drill, Scenario
from chaos.drills.poison import CONCURRENCY, Poison, poisoned_plan, run_poisoned

_POISON = Poison("worker-dies", "worker", "worker.killed", slow=(0.5, 1))


async def _run_one_worker(drill: Drill) -> None:
    await run_poisoned(drill, _POISON, int(drill.size(CONCURRENCY, 12)))


async def _run_two_workers(drill: Drill) -> None:
    await run_poisoned(drill, _POISON, int(drill.size(400, 60)))


SCENARIOS = (
    Scenario(
        "worker-poisoned",
        "a document that ends its worker ends as a dead letter; those in flight with it do not",
        lambda is_short: poisoned_plan(is_short=is_short),
        _run_one_worker,
    ),
    Scenario(
        "worker-poisoned-two",
        "the same among 400 jobs and two workers",
        lambda is_short: poisoned_plan(is_short=is_short, workers=2),
        _run_two_workers,
        is_long=True,
    ),
)
