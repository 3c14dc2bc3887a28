"""Backoff between attempts: pauses that double, up to a maximum."""

from __future__ import annotations

_FIRST_SECONDS = 1.0
_MAX_SECONDS = 30.0


class Backoff:
    """Pauses of 1, 2, 4 seconds and so on, up to 30, until a success resets them."""

    def __init__(self) -> None:
        self._next = _FIRST_SECONDS

    def next_pause(self) -> float:
        """Return the seconds to wait after a failure."""
        pause, self._next = self._next, min(self._next * 2, _MAX_SECONDS)
        return pause

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._next = _FIRST_SECONDS
