"""Log of an outage: one line when it begins and one when it ends, not one for each failure."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)


class OutageLog:
    """Log of one outage: a line when it begins and a line when it ends.

    Args:
        begins: Message at the beginning.
        ends: Message at the end.
        about: Fields of both messages.

    Attributes:
        error: The last error; None when all is well.
    """

    def __init__(self, begins: str, ends: str, **about: str) -> None:
        self._begins = begins
        self._ends = ends
        self._about = about
        self.error: str | None = None

    def failed(self, error: BaseException) -> None:
        """Note that the service failed; log the first failure."""
        if self.error is None:
            log.warning(self._begins, error=str(error), **self._about)
        self.error = str(error)

    def recovered(self) -> None:
        """Note that the service answered; log the end of an outage."""
        if self.error is not None:
            log.info(self._ends, **self._about)
        self.error = None
