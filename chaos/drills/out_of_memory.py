"""`out-of-memory`: one document kills the engine whenever it is in flight, among two hundred."""

from __future__ import annotations

from chaos.drill import Drill, Scenario
from chaos.drills.poison import Poison, poisoned_plan, run_poisoned
from chaos.parts.fleet import FleetPlan

_ENGINE_DIED = 70
_POISON = Poison("engine-out-of-memory", "engine", "engine.out_of_memory", slow=(0.4, 0.8))


def _plan(is_short: bool) -> FleetPlan:
    return poisoned_plan(is_short=is_short)


async def _run(drill: Drill) -> None:
    exits = await run_poisoned(drill, _POISON, int(drill.size(200, 60)))
    drill.expect(f"workers ended with {dict(exits)}", holds=exits.keys() <= {_ENGINE_DIED})


SCENARIO = Scenario(
    "out-of-memory",
    "a document that kills the engine ends alone as a dead letter; its neighbours finish uncharged",
    _plan,
    _run,
)
