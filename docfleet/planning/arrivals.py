"""Arrivals of documents over a year: day, week, month ends and a surge. Pure.

The year has 365 days, begins on a Monday, and has 12 month ends of three days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import exp

from schemas.profile import Mix

DAYS = 365
HOURS = 24
HOUR = 3600.0
DAY = HOURS * HOUR
YEAR = DAYS * DAY
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_END_DAYS = 3
_MONTH_END = frozenset(
    last - back for last in accumulate(_MONTHS) for back in range(1, _END_DAYS + 1)
)
"""Days of the year, from 0 on."""


@dataclass(frozen=True, slots=True)
class Surge:
    """A catastrophe: more documents from one day on, fewer again with time.

    Attributes:
        day: First day, from 0 on.
        factor: Arrivals at its start, over the usual ones.
        days: Days after which two thirds of the excess are gone.
    """

    day: float
    factor: float
    days: float = 3.0

    def at(self, day: float) -> float:
        """Return the factor of a time, in days from the start."""
        if day < self.day:
            return 1.0
        return 1 + (self.factor - 1) * exp((self.day - day) / self.days)


@dataclass(frozen=True, slots=True)
class DayKind:
    """Days of a year with the same arrivals.

    Attributes:
        days: How many there are.
        rates: Documents a second, of each hour.
    """

    days: int
    rates: tuple[float, ...]


class Arrivals:
    """Rate of arrivals at each time of a year."""

    def __init__(self, mix: Mix, documents_per_year: float, surge: Surge | None = None) -> None:
        """Spread a year's documents over its hours.

        Args:
            mix: Its shape.
            documents_per_year: Without the surge, which comes on top.
            surge: A catastrophe.
        """
        self._surge = surge
        self._hours = _normal(mix.hours or (1.0,) * HOURS)
        self._weekdays = _normal(mix.weekdays or (1.0,) * 7)
        self._month_end = mix.month_end
        weights = sum(self._day_weight(day) for day in range(DAYS))
        self._mean = documents_per_year / YEAR * DAYS / weights

    def _day_weight(self, day: int) -> float:
        return self._weekdays[day % 7] * (self._month_end if day in _MONTH_END else 1.0)

    def at(self, seconds: float) -> float:
        """Return documents a second.

        Args:
            seconds: Since the start of the year.
        """
        day, hour = divmod(int(seconds // HOUR), HOURS)
        surge = self._surge.at(seconds / DAY) if self._surge else 1.0
        return self._mean * self._day_weight(day % DAYS) * self._hours[hour] * surge

    def day_kinds(self) -> Iterator[DayKind]:
        """Return the kinds of days, the busiest first; without the surge."""
        counts: dict[float, int] = {}
        for day in range(DAYS):
            weight = self._day_weight(day)
            counts[weight] = counts.get(weight, 0) + 1
        for weight, days in sorted(counts.items(), reverse=True):
            yield DayKind(days, tuple(self._mean * weight * hour for hour in self._hours))


def _normal(weights: tuple[float, ...]) -> tuple[float, ...]:
    mean = sum(weights) / len(weights)
    return tuple(weight / mean for weight in weights)
