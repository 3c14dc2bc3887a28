"""The line: documents of each tenant in the order of their arrival, taken by weight. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

_NOTHING = 1e-9


class Lines:
    """Documents in line, singly or as many of one moment."""

    def __init__(self, weights: Sequence[float]) -> None:
        """Begin empty.

        Args:
            weights: Of the tenants.
        """
        self._weights = weights
        self._lines: list[deque[tuple[float, float]]] = [deque() for _ in weights]
        self._lengths = [0.0] * len(weights)
        self._served = [0.0] * len(weights)

    @property
    def length(self) -> float:
        """Return the documents in line."""
        return sum(self._lengths)

    def add(self, tenant: int, arrived: float, number: float = 1, *, first: bool = False) -> None:
        """Put documents in line.

        Args:
            tenant: Whose they are.
            arrived: When they came.
            number: How many.
            first: True to put them before all others of the tenant.
        """
        if not self._lines[tenant]:
            # One that comes back has no claim on the time in which it had nothing.
            waiting = [self._served[other] for other in self._active()]
            self._served[tenant] = max(self._served[tenant], min(waiting, default=0.0))
        if first:
            self._lines[tenant].appendleft((arrived, number))
        else:
            self._lines[tenant].append((arrived, number))
        self._lengths[tenant] += number

    def _active(self) -> Iterator[int]:
        return (tenant for tenant, line in enumerate(self._lines) if line)

    def take(self, number: float) -> Iterator[tuple[int, float, float]]:
        """Take documents, the tenants by their weights; return tenant, arrival and number.

        Args:
            number: How many may go.
        """
        while number > _NOTHING and (active := list(self._active())):
            tenant = min(active, key=lambda one: self._served[one])
            arrived, here = self._lines[tenant].popleft()
            part = min(here, number, self._portion(tenant, number, len(active)))
            if part < here:
                self._lines[tenant].appendleft((arrived, here - part))
            number -= part
            self._lengths[tenant] = max(0.0, self._lengths[tenant] - part)
            self._served[tenant] += part / self._weights[tenant]
            yield tenant, arrived, part

    def _portion(self, tenant: int, number: float, active: int) -> float:
        """Return how many a tenant may take before the others are looked at."""
        if active == 1:
            return number
        return max(1.0, number * self._weights[tenant] / sum(self._weights) / 2)

    def rest(self) -> Iterator[tuple[int, float, float]]:
        """Return what is still in line: tenant, arrival and number."""
        for tenant, line in enumerate(self._lines):
            for arrived, number in line:
                yield tenant, arrived, number
