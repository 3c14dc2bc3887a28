"""Backoff between restarts of a part."""

from __future__ import annotations

_FIRST_SECONDS = 1.0
_MOST_SECONDS = 30.0
_WELL_SECONDS = 30.0


class Backoff:
    """Doubles from 1 s to 30 s; a part that ran well begins at 1 s again."""

    def __init__(self) -> None:
        self._next = _FIRST_SECONDS

    def wait_after(self, ready_seconds: float) -> float:
        """Seconds to wait.

        Args:
            ready_seconds: How long the part had been ready when it ended; 0 if it never was.
        """
        if ready_seconds >= _WELL_SECONDS:
            self._next = _FIRST_SECONDS
        wait, self._next = self._next, min(self._next * 2, _MOST_SECONDS)
        return wait
