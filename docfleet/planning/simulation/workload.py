"""Parts that both simulations have: the arrivals, the lines, and the fleet that serves them."""

from __future__ import annotations

from random import Random

import simpy

from docfleet.planning.arrivals import Arrivals
from docfleet.planning.simulation.fleet import Fleet
from docfleet.planning.simulation.lines import Lines
from docfleet.planning.simulation.scenario import Scenario
from docfleet.planning.simulation.tally import Tally


class Workload:
    """Documents in line, and the fleet that takes them from there.

    Args:
        env: Clock of the simulation.
        scenario: Its documents, tenants and seed.
        fleet: Its GPUs.
        tally: Counts what happens.
    """

    def __init__(
        self, env: simpy.Environment, scenario: Scenario, fleet: Fleet, tally: Tally
    ) -> None:
        self._env, self._scenario, self._fleet, self._tally = env, scenario, fleet, tally
        self._random = Random(scenario.seed)  # noqa: S311  # no secret
        self._arrivals = Arrivals(scenario.mix, scenario.documents_per_year, scenario.surge)
        self._lines = Lines([tenant.weight for tenant in scenario.tenants])
        fleet.line = lambda: self._lines.length
