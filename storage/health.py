"""The health of the object store, as the calls of one process find it."""

from __future__ import annotations

from collections import deque
from time import monotonic

_RECENT_SECONDS = 60
_RECENT_CALLS = 1000
_FEW_FAILURES = 0.05
"""A job makes about five calls an attempt, and has twelve attempts: with so few failures it ends
well, and an object that cannot be read fails alone."""


class StoreHealth:
    """The outcome of the last minute's calls; the store is unwell while one in twenty fails."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, bool]] = deque(maxlen=_RECENT_CALLS)
        self._well_at = monotonic()

    def note(self, *, is_answered: bool) -> None:
        """Count a call."""
        now = monotonic()
        self._calls.append((now, is_answered))
        if is_answered:
            self._well_at = now

    @property
    def outage_seconds(self) -> float | None:
        """Seconds since the store last answered; None while it is well on the whole."""
        now = monotonic()
        while self._calls and self._calls[0][0] < now - _RECENT_SECONDS:
            self._calls.popleft()
        failures = sum(not is_answered for _, is_answered in self._calls)
        return now - self._well_at if failures > len(self._calls) * _FEW_FAILURES else None
