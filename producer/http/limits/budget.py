"""Budget of processor time: each tenant has as much, and what it spends comes back by and by."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from producer.errors import TooManyAtOnceError


class Budget:
    """Seconds of processor time that each tenant may spend on one kind of work.

    Args:
        what: Names the work, for people.
        seconds: Maximum that a tenant may have spent at any time.
        regained: Seconds that come back in each second.
        most: Maximum tenants that are remembered.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        what: str,
        seconds: float,
        *,
        regained: float,
        most: int = 10_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._what = what
        self._seconds = seconds
        self._regained = regained
        self._most = most
        self._clock = clock
        # For each tenant, when all that it spent has come back.
        self._even_at: OrderedDict[str, float] = OrderedDict()

    def check(self, tenant: str) -> None:
        """Raise TooManyAtOnceError where a tenant has nothing left."""
        ahead = self._even_at.get(tenant, 0.0) - self._clock()
        over = ahead * self._regained - self._seconds
        if over >= 0:
            raise TooManyAtOnceError(
                f"{self._what} of {tenant} took {self._seconds:g} s of processor time lately:"
                " come again later, and with fewer different schemas"
            )

    def spend(self, tenant: str, seconds: float) -> None:
        """Count what a tenant's work took."""
        now = self._clock()
        even_at = max(self._even_at.pop(tenant, now), now) + seconds / self._regained
        self._even_at[tenant] = even_at
        while len(self._even_at) > self._most:
            self._even_at.popitem(last=False)
