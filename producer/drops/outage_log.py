"""Trouble that passes: told of when it begins and when it is over, not each time it is met."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)


class Trouble:
    """Whether something is in trouble.

    Args:
        begins: What the log says then.
        ends: What the log says then.
        about: What it is about, for both lines.

    Attributes:
        error: What was met last; None when all is well.
    """

    def __init__(self, begins: str, ends: str, **about: str) -> None:
        self._begins = begins
        self._ends = ends
        self._about = about
        self.error: str | None = None

    def meet(self, error: BaseException) -> None:
        """It is there, or still there."""
        if self.error is None:
            log.warning(self._begins, error=str(error), **self._about)
        self.error = str(error)

    def end(self) -> None:
        """It is over, if it was there."""
        if self.error is not None:
            log.info(self._ends, **self._about)
        self.error = None
