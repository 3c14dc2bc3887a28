"""The simulation by ticks, for any number of documents: those of one tick are one cohort.

In each tick a random number of documents arrives, and as many go into service as there is room for.
Where the fleet keeps up, the documents in service approach those with which its speed equals the
arrivals; where it does not, all slots are in use and a line grows. The wait of a cohort is exact to
a tick, its service follows from the load that it meets, times the spread of the documents' work. A
test holds it to the simulation of each document.
"""

from __future__ import annotations

from collections.abc import Generator
from math import sqrt
from typing import Any

import simpy

from docfleet.planning.arrivals import DAY
from docfleet.planning.simulation.chance import poisson
from docfleet.planning.simulation.fleet import Fleet
from docfleet.planning.simulation.scenario import Scenario
from docfleet.planning.simulation.tally import Tally
from docfleet.planning.simulation.workload import Workload
from docfleet.planning.spread import work_factors

_DAY_TICK, _YEAR_TICK = 5.0, 240.0
_NOTHING = 1e-6
_SHORT = 14
"""Days that are simulated with the finer tick."""


def tick_seconds(days: float) -> float:
    """Return the length of a tick."""
    return _DAY_TICK if days <= _SHORT else _YEAR_TICK


class Aggregate(Workload):
    """Cohorts in line and in service."""

    def __init__(
        self, env: simpy.Environment, scenario: Scenario, fleet: Fleet, tally: Tally
    ) -> None:
        """Start the ticks.

        Args:
            env: Clock of the simulation.
            scenario: What is simulated.
            fleet: Its GPUs.
            tally: Counts what happens.
        """
        super().__init__(env, scenario, fleet, tally)
        shares = sum(tenant.share for tenant in scenario.tenants)
        self._shares = [tenant.share / shares for tenant in scenario.tenants]
        self._factors = work_factors(scenario.mix.spread)
        self._tick = tick_seconds(scenario.days)
        self._inside = 0.0
        fleet.inside = lambda: self._inside
        fleet.before_change = self._account
        fleet.lost = self._lose
        env.process(self._run())

    def _run(self) -> Generator[Any, Any, None]:
        start = self._scenario.first_day * DAY
        while True:
            self._arrive(self._arrivals.at(start + self._env.now) * self._tick)
            self._serve()
            yield self._env.timeout(self._tick)
            self._account()

    def _account(self) -> None:
        self._fleet.account(self._inside, self._lines.length)

    def _arrive(self, mean: float) -> None:
        for tenant, share in enumerate(self._shares):
            if number := poisson(self._random, mean * share):
                self._tally.arrive(self._env.now, tenant, number)
                self._fleet.arrived += number
                self._lines.add(tenant, self._env.now, number)

    def _serve(self) -> None:
        """Move documents from the line into service, and the load on by a tick."""
        fleet, before = self._fleet, self._inside
        slots, capacity = fleet.slots, fleet.full * self._tick
        number = min(self._lines.length, capacity + max(0.0, slots - before))
        self._inside = self._load_after(before, number, capacity)
        if number <= 0:
            return
        met = min(
            float(slots), max((before + self._inside) / 2, fleet.load(number / self._tick) / 2)
        )
        service = met / fleet.rate(met)
        for tenant, arrived, part in self._lines.take(number):
            self._finish(tenant, arrived, part, service)

    def _load_after(self, before: float, number: float, capacity: float) -> float:
        """Return the documents in service after a tick in which some more began."""
        slots = float(self._fleet.slots)
        if number >= capacity:
            return min(slots, before + number - capacity)
        steady = self._fleet.load(number / self._tick)
        done = self._fleet.rate(before) * self._tick
        if before <= done and steady <= number:
            return steady  # a document is done within a tick
        done += self._random.gauss(0, self._scenario.mix.spread * sqrt(done))
        return min(slots, max(0.0, before + number - done))

    def _finish(self, tenant: int, arrived: float, number: float, service: float) -> None:
        now = self._env.now
        self._tally.waited(tenant, now - arrived, number)
        wait = now - arrived
        responses = [wait + service * factor for factor in self._factors]
        self._tally.respond(now, arrived, tenant, responses, number)

    def _lose(self, share: float) -> None:
        """Send the documents of lost GPUs back to the line; their results count twice over."""
        number = share * self._inside
        for tenant, part in enumerate(self._shares):
            if number * part > 0:
                self._lines.add(tenant, self._env.now, number * part, first=True)
        self._inside -= number
        self._tally.take_back(self._env.now, number)
        self._tally.restarted += number

    def close(self) -> int:
        """Count what is left at the end, and return its number."""
        self._account()
        self._tally.take_back(self._env.now, self._inside)
        for tenant, arrived, number in self._lines.rest():
            self._tally.waited(tenant, self._env.now - arrived, number)
        return round(self._lines.length + self._inside)
