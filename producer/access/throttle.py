"""A throttle: who fails too often has to wait, and little is remembered of anybody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from producer.errors import TooManyAttemptsError

_BURST = 10
_EVERY_SECONDS = 6.0
_MOST = 10_000


class Throttle:
    """Remembers who failed lately, in one process.

    Args:
        burst: Failures that may come at once.
        every_seconds: For one more failure after those.
        most: So many are remembered; the one that failed first is forgotten for the next.
        clock: Seconds that never go back.
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
        # For each, when its failures will have been forgotten.
        self._clear_at: OrderedDict[str, float] = OrderedDict()

    def wait_seconds(self, who: str) -> float:
        """Return how long somebody has to wait before another failure is borne; 0 for none."""
        ahead = self._clear_at.get(who, 0.0) - self._clock()
        return max(0.0, ahead - self._room)

    def check(self, who: str) -> None:
        """Raise TooManyAttemptsError where somebody has to wait."""
        if wait := self.wait_seconds(who):
            raise TooManyAttemptsError(wait)

    def failed(self, who: str) -> bool:
        """Count a failure; gives whether it was the last one that is borne for now."""
        now = self._clock()
        self._clear_at[who] = max(self._clear_at.get(who, now), now) + self._every
        self._clear_at.move_to_end(who)
        while len(self._clear_at) > self._most:
            self._clear_at.popitem(last=False)
        return self.wait_seconds(who) > 0
