"""The GPUs of a simulation: autoscaling, cold starts, spot losses, and what they cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any

import simpy

from docfleet.planning.arrivals import HOUR
from docfleet.planning.simulation.chance import poisson
from docfleet.planning.simulation.scenario import PoolPlan, Scenario
from docfleet.planning.speed import Speed

_SPOT_STEP = 60.0
"""Seconds between two looks at the machines that may be taken away."""
_RATE_WINDOW = 120.0
"""Seconds over which the autoscaler measures arrivals."""
_NOTHING = 1e-9
_GRID = 1000
"""Steps of a fleet's load, from empty to full."""


@dataclass(slots=True)
class _Pool:
    plan: PoolPlan
    speed: Speed
    cold_start: float
    ready: int = 0
    spot: int = 0  # of the ready ones
    booting: int = 0

    @property
    def all(self) -> int:
        return self.ready + self.booting


@dataclass(slots=True)
class Usage:
    """Integrals over time, in seconds."""

    ready: float = 0.0
    booting: float = 0.0
    idle: float = 0.0
    capacity: float = 0.0
    dollars: float = 0.0


class Fleet:
    """The GPUs, as SimPy processes."""

    def __init__(self, env: simpy.Environment, scenario: Scenario, random: Random) -> None:
        """Start with the least GPUs of each pool ready.

        Args:
            env: Clock of the simulation.
            scenario: What is simulated.
            random: Dice of the losses.
        """
        self._env, self._scenario, self._random = env, scenario, random
        self._pools = [
            _Pool(
                plan,
                Speed(plan.profile, scenario.mix),
                plan.profile.cold_start_seconds
                if scenario.cold_start_seconds is None
                else scenario.cold_start_seconds,
                ready=plan.least,
                spot=int(plan.least * scenario.spot.share),
            )
            for plan in scenario.pools
        ]
        hours = ceil(scenario.days * 24)
        self.by_hour = [Usage() for _ in range(hours)]
        self.lines = [0.0] * hours
        self.spot_losses = 0
        self.peak = self.ready
        self._wanted: deque[tuple[float, int]] = deque()
        self._loads: dict[tuple[int, ...], list[float]] = {}
        self._accounted = 0.0
        self._arrivals: deque[tuple[float, float]] = deque([(0.0, 0.0)])
        self.arrived = 0.0
        """Documents until now."""
        self.line: Callable[[], float] = lambda: 0.0
        """Returns the documents in line."""
        self.inside: Callable[[], float] = lambda: 0.0
        """Returns the documents in service."""
        self.before_change: Callable[[], None] = lambda: None
        """Called before the ready GPUs change."""
        self.after_change: Callable[[], None] = lambda: None
        self.lost: Callable[[float], None] = lambda _: None
        """Called with the share of the ready GPUs that is gone."""
        env.process(self._autoscale())
        if scenario.spot.share > 0:
            env.process(self._lose_spots())

    @property
    def ready(self) -> int:
        """Return the GPUs that serve."""
        return sum(pool.ready for pool in self._pools)

    @property
    def slots(self) -> int:
        """Return the documents that can be in service at once."""
        return sum(pool.ready * pool.speed.slots for pool in self._pools)

    @property
    def full(self) -> float:
        """Return documents a second with all slots in use."""
        return sum(pool.ready * pool.speed.full for pool in self._pools)

    def rate(self, inside: float) -> float:
        """Return documents a second with so many in service, spread evenly over the slots."""
        share = min(1.0, inside / self.slots) if self.slots else 0.0
        return sum(
            pool.ready * pool.speed.at(share * pool.speed.slots)
            for pool in self._pools
            if pool.ready and share
        )

    def load(self, rate: float) -> float:
        """Return the documents in service with which the fleet keeps up with a rate."""
        slots = self.slots
        key = tuple(pool.ready for pool in self._pools)
        if key not in self._loads:
            if len(self._loads) > _GRID:
                self._loads.clear()
            self._loads[key] = [self.rate(slots * step / _GRID) for step in range(_GRID + 1)]
        rates = self._loads[key]
        low, high = 0, _GRID
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if rates[middle] < rate else (low, middle)
        if low == 0:
            return 0.0
        span = rates[low] - rates[low - 1]
        part = (rate - rates[low - 1]) / span if span > 0 else 1.0
        return slots * (low - 1 + min(1.0, part)) / _GRID

    def account(self, inside: float, line: float) -> None:
        """Add the time since the last account.

        Args:
            inside: Documents in service in it.
            line: Documents in line in it.
        """
        now = self._env.now
        while self._accounted < now:
            hour = int(self._accounted // HOUR)
            until = min(now, (hour + 1) * HOUR)
            self._add(min(hour, len(self.by_hour) - 1), until - self._accounted, inside, line)
            self._accounted = until

    def _add(self, hour: int, seconds: float, inside: float, line: float) -> None:
        usage, ready = self.by_hour[hour], self.ready
        usage.ready += ready * seconds
        usage.idle += max(0.0, ready - inside) * seconds
        usage.capacity += self.full * seconds
        self.lines[hour] += line * seconds
        for pool in self._pools:
            usage.booting += pool.booting * seconds
            spot = pool.spot + int(pool.booting * self._scenario.spot.share)
            paid = pool.all - spot * (1 - self._scenario.spot.price)
            usage.dollars += paid * pool.plan.profile.price.dollars_per_hour * seconds / HOUR

    def _autoscale(self) -> Generator[Any, Any, None]:
        rule = self._scenario.autoscaler
        while True:
            yield self._env.timeout(rule.interval_seconds)
            rate = (self._arrival_rate() + self.line() / rule.drain_seconds) / rule.target
            if self.inside() > 0:  # what is in service needs a GPU to end on
                rate = max(rate, _NOTHING)
            targets = []
            for pool in self._pools:
                wanted = ceil(rate / pool.speed.full)
                targets.append(min(pool.plan.most, max(pool.plan.least, wanted)))
                rate = max(0.0, rate - targets[-1] * pool.speed.full)
            keep = self._keep(sum(targets))
            spare = sum(pool.all for pool in self._pools) - keep
            for pool, target in zip(reversed(self._pools), reversed(targets), strict=True):
                if target > pool.all:
                    self._env.process(self._boot(pool, target - pool.all))
                else:
                    gone = min(pool.all - target, pool.ready, max(0, spare))
                    spare -= self._give_back(pool, gone)

    def _arrival_rate(self) -> float:
        """Return the documents a second of the last minutes."""
        now = self._env.now
        self._arrivals.append((now, self.arrived))
        while len(self._arrivals) > 2 and self._arrivals[1][0] <= now - _RATE_WINDOW:  # noqa: PLR2004
            self._arrivals.popleft()
        then, before = self._arrivals[0]
        return (self.arrived - before) / (now - then)

    def _keep(self, wanted: int) -> int:
        """Return the most GPUs that were wanted within the cooldown."""
        now, cooldown = self._env.now, self._scenario.autoscaler.cooldown_seconds
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - cooldown:
            self._wanted.popleft()
        return max(number for _, number in self._wanted)

    def _boot(self, pool: _Pool, number: int) -> Generator[Any, Any, None]:
        self.before_change()
        pool.booting += number
        yield self._env.timeout(pool.cold_start)
        self.before_change()
        pool.booting -= number
        pool.ready += number
        pool.spot = min(pool.ready, int(pool.all * self._scenario.spot.share))
        self.peak = max(self.peak, self.ready)
        self.after_change()

    def _give_back(self, pool: _Pool, number: int) -> int:
        if number > 0:
            self.before_change()
            pool.ready -= number
            pool.spot = min(pool.spot, int(pool.all * self._scenario.spot.share))
            self.after_change()
        return number

    def _lose_spots(self) -> Generator[Any, Any, None]:
        rate = self._scenario.spot.losses_per_hour * _SPOT_STEP / HOUR
        while True:
            yield self._env.timeout(_SPOT_STEP)
            for pool in self._pools:
                gone = min(pool.spot, poisson(self._random, pool.spot * rate))
                if not gone:
                    continue
                self.before_change()
                share = gone * pool.speed.slots / self.slots
                pool.ready -= gone
                pool.spot -= gone
                self.spot_losses += gone
                self.lost(share)
                self.after_change()
