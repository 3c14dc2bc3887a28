"""The simulation of each document, for some 100,000 of them: exact, and the check of the other.

All workers take from one line. The documents in service advance together, at the speed of the
profiles' curves, and each ends when it has had its own work.
"""

from __future__ import annotations

from collections.abc import Generator
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from docfleet.planning.arrivals import DAY, HOUR
from docfleet.planning.simulation.fleet import Fleet
from docfleet.planning.simulation.scenario import Scenario
from docfleet.planning.simulation.tally import Tally
from docfleet.planning.simulation.workload import Workload
from docfleet.planning.spread import log_sigma

Service = tuple[float, int, float, int]
"""A document in service: its end on the clock of work, its number, its arrival, its tenant."""


class Documents(Workload):
    """Documents in line and in service."""

    def __init__(
        self, env: simpy.Environment, scenario: Scenario, fleet: Fleet, tally: Tally
    ) -> None:
        """Start the arrivals and the service.

        Args:
            env: Clock of the simulation.
            scenario: What is simulated.
            fleet: Its GPUs.
            tally: Counts what happens.
        """
        super().__init__(env, scenario, fleet, tally)
        self._shares = [tenant.share for tenant in scenario.tenants]
        spread = scenario.mix.spread
        self._sigma = log_sigma(spread) if spread else 0.0
        self._inside: list[Service] = []
        self._work, self._then, self._numbers, self._turn = 0.0, 0.0, 0, 0
        fleet.inside = lambda: len(self._inside)
        fleet.before_change, fleet.after_change = self._advance, self._admit
        fleet.lost = self._lose
        env.process(self._arrive())

    def _arrive(self) -> Generator[Any, Any, None]:
        start = self._scenario.first_day * DAY
        tenants = range(len(self._shares))
        while True:
            now = self._env.now
            rate = self._arrivals.at(start + now)
            hour_ends = (now // HOUR + 1) * HOUR
            gap = self._random.expovariate(rate) if rate > 0 else HOUR
            if now + gap >= hour_ends:  # the next hour has a rate of its own
                yield self._env.timeout(hour_ends - now)
                continue
            yield self._env.timeout(gap)
            [tenant] = self._random.choices(tenants, self._shares)
            self._advance()
            self._tally.arrive(self._env.now, tenant)
            self._fleet.arrived += 1
            self._lines.add(tenant, self._env.now)
            self._admit()

    def _advance(self) -> None:
        """Let the documents in service have their work since the last change."""
        now = self._env.now
        if self._inside:
            self._work += (now - self._then) * self._pace()
        self._then = now
        self._fleet.account(len(self._inside), self._lines.length)

    def _pace(self) -> float:
        """Return the work a second of each document in service."""
        return self._fleet.rate(len(self._inside)) / len(self._inside)

    def _admit(self) -> None:
        """Fill the free slots from the line, and wait for the next end."""
        free = self._fleet.slots - len(self._inside)
        if free > 0 and self._lines.length:
            # One at a time: a tenant's turn is a document.
            for _ in range(min(free, round(self._lines.length))):
                for tenant, arrived, _one in self._lines.take(1):
                    self._serve(tenant, arrived)
        self._turn += 1
        if self._inside and (pace := self._pace()) > 0:
            rest = max(0.0, self._inside[0][0] - self._work) / pace
            self._env.process(self._end(rest, self._turn))

    def _serve(self, tenant: int, arrived: float) -> None:
        self._tally.waited(tenant, self._env.now - arrived)
        self._numbers += 1
        end = self._work + self._draw_work()
        heappush(self._inside, (end, self._numbers, arrived, tenant))

    def _draw_work(self) -> float:
        if not self._sigma:
            return 1.0
        return self._random.lognormvariate(-self._sigma * self._sigma / 2, self._sigma)

    def _end(self, seconds: float, turn: int) -> Generator[Any, Any, None]:
        yield self._env.timeout(seconds)
        if turn != self._turn:
            return  # something has changed since, and another end is awaited
        self._advance()
        _, _, arrived, tenant = heappop(self._inside)
        now = self._env.now
        self._tally.respond(now, arrived, tenant, (now - arrived,))
        self._admit()

    def _lose(self, share: float) -> None:
        """Send the documents of lost GPUs back to the line; their work is begun again."""
        number = min(len(self._inside), round(share * len(self._inside)))
        for index in sorted(self._random.sample(range(len(self._inside)), number), reverse=True):
            _, _, arrived, tenant = self._inside.pop(index)
            self._lines.add(tenant, arrived, first=True)
        heapify(self._inside)
        self._tally.restarted += number

    def close(self) -> int:
        """Count what is left at the end, and return its number."""
        self._advance()
        for tenant, arrived, number in self._lines.rest():
            self._tally.waited(tenant, self._env.now - arrived, number)
        return round(self._lines.length) + len(self._inside)
