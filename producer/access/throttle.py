"""A throttle: an address that fails too often has to wait."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from producer.errors import TooManyAttemptsError

_BURST = 10
_EVERY_SECONDS = 6.0
_MOST = 10_000


class Throttle:
    """Recent failures, in one process.

    Args:
        burst: Failures that may come at once.
        every_seconds: Seconds until one more failure is allowed after those.
        most: Maximum entries; the oldest is forgotten first.
        clock: Returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        burst: int = _BURST,
        every_seconds: float = _EVERY_SECONDS,
        most: int = _MOST,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._every = every_seconds
        self._room = (burst - 1) * every_seconds
        self._most = most
        self._clock = clock
        # By name, the time when its failures are forgotten.
        self._clear_at: OrderedDict[str, float] = OrderedDict()

    def wait_seconds(self, who: str) -> float:
        """Return the seconds until another failure is allowed; 0 when one is allowed now."""
        ahead = self._clear_at.get(who, 0.0) - self._clock()
        return max(0.0, ahead - self._room)

    def check(self, who: str) -> None:
        """Raise TooManyAttemptsError while another failure is not allowed."""
        if wait := self.wait_seconds(who):
            raise TooManyAttemptsError(wait)

    def failed(self, who: str) -> bool:
        """Count a failure; return True when no other one is allowed for now."""
        now = self._clock()
        self._clear_at[who] = max(self._clear_at.get(who, now), now) + self._every
        self._clear_at.move_to_end(who)
        while len(self._clear_at) > self._most:
            self._clear_at.popitem(last=False)
        return self.wait_seconds(who) > 0
