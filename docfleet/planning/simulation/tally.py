"""Counts of a simulation: waits and responses in bins of 2 %, by tenant and by hour."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import TypeAlias

from docfleet.planning.arrivals import HOUR
from docfleet.planning.simulation.answer import HourAnswer, Percentiles, TenantAnswer

Bins: TypeAlias = "dict[int, float]"

_WIDTH = log(1.02)
_SMALLEST = 0.01
"""Seconds that count as none."""
_LEAST = log(_SMALLEST)
_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def bin_of(seconds: float) -> int:
    """Return the bin of a duration."""
    return 0 if seconds <= _SMALLEST else 1 + int((log(seconds) - _LEAST) / _WIDTH)


def _seconds(index: int) -> float:
    return 0.0 if index == 0 else _SMALLEST * exp((index - 0.5) * _WIDTH)


def quantile(bins: Bins, share: float) -> float | None:
    """Return a quantile of the durations in bins, or None where there are none."""
    wanted = share * sum(bins.values())
    passed = 0.0
    for index in sorted(bins):
        passed += bins[index]
        if passed >= wanted > 0:
            return _seconds(index)
    return None


def _percentiles(bins: Bins) -> Percentiles:
    found = {name: quantile(bins, share) or 0.0 for name, share in _SHARES.items()}
    return Percentiles(**found, max=_seconds(max(bins, default=0)))


def _all(parts: Sequence[Bins]) -> Bins:
    found: Bins = {}
    for part in parts:
        for index, number in part.items():
            found[index] = found.get(index, 0.0) + number
    return found


class Tally:
    """The counts."""

    def __init__(self, tenants: list[str], hours: int) -> None:
        """Begin with none.

        Args:
            tenants: Their names.
            hours: Hours of the simulation.
        """
        self._tenants = tenants
        self._waits: list[Bins] = [{} for _ in tenants]
        self._responses: list[Bins] = [{} for _ in tenants]
        self._by_hour: list[Bins] = [{} for _ in range(hours)]
        self._arrived = [0.0] * hours
        self._of_tenant = [0.0] * len(tenants)
        self._finished = [0.0] * hours
        self.restarted = 0.0

    def arrive(self, now: float, tenant: int, number: float = 1) -> None:
        """Count arrivals."""
        self._arrived[self._hour(now)] += number
        self._of_tenant[tenant] += number

    def waited(self, tenant: int, seconds: float, number: float = 1) -> None:
        """Count documents that left the line, or that are in it at the end."""
        waits, index = self._waits[tenant], bin_of(seconds)
        waits[index] = waits.get(index, 0.0) + number

    def respond(
        self, now: float, arrived: float, tenant: int, seconds: Sequence[float], number: float = 1
    ) -> None:
        """Count results.

        Args:
            now: When they came.
            arrived: When their documents had.
            tenant: Whose they are.
            seconds: Response times; each is that of an equal part of them.
            number: How many they are.
        """
        part = number / len(seconds)
        of_tenant, of_hour = self._responses[tenant], self._by_hour[self._hour(arrived)]
        for one in seconds:
            index = bin_of(one)
            of_tenant[index] = of_tenant.get(index, 0.0) + part
            of_hour[index] = of_hour.get(index, 0.0) + part
        self._finished[self._hour(now)] += number

    def take_back(self, now: float, number: float) -> None:
        """Take back results that were counted when their service began, and did not come."""
        self._finished[self._hour(now)] -= number

    def _hour(self, now: float) -> int:
        return min(int(now // HOUR), len(self._arrived) - 1)

    @property
    def documents(self) -> int:
        """Return the documents that arrived."""
        return round(sum(self._arrived))

    @property
    def finished(self) -> int:
        """Return the documents with a result."""
        return round(sum(self._finished))

    def waits(self) -> Percentiles:
        """Return the waits of all."""
        return _percentiles(_all(self._waits))

    def responses(self) -> Percentiles:
        """Return the response times of all."""
        return _percentiles(_all(self._responses))

    def tenants(self) -> dict[str, TenantAnswer]:
        """Return the answer of each tenant."""
        return {
            name: TenantAnswer(
                documents=round(self._of_tenant[number]),
                wait=_percentiles(self._waits[number]),
                response=_percentiles(self._responses[number]),
            )
            for number, name in enumerate(self._tenants)
        }

    def hour(self, hour: int, line: float, gpus: float, booting: float) -> HourAnswer:
        """Return the answer of an hour, with averages that the fleet has."""
        return HourAnswer(
            hour=hour,
            arrived=round(self._arrived[hour]),
            finished=round(self._finished[hour]),
            line=line,
            gpus=gpus,
            booting=booting,
            p95=quantile(self._by_hour[hour], 0.95),
        )
