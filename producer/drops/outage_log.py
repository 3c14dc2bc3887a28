"""OutageLog that passes: told of when it begins and when it is over, not each time it is met."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)


class OutageLog:
    """Log of one outage: a line when it begins and a line when it ends.

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

    def failed(self, error: BaseException) -> None:
        """Note that the service failed; logs the first time."""
        if self.error is None:
            log.warning(self._begins, error=str(error), **self._about)
        self.error = str(error)

    def recovered(self) -> None:
        """Note that the service answered; logs the end of an outage."""
        if self.error is not None:
            log.info(self._ends, **self._about)
        self.error = None
