"""Periodic actions, which continue through outages of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ledger.errors import LedgerError

log = structlog.get_logger(__name__)


async def repeat(what: str, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Run an action periodically until cancelled; an outage is logged once.

    Args:
        what: Name of the action, for the log.
        seconds: Seconds between the end of one run and the start of the next.
        action: The action; it may raise LedgerError.
    """
    failing = False
    while True:
        try:
            await action()
        except LedgerError as error:
            if not failing:
                log.warning("failing", what=what, reason=str(error))
            failing = True
        except Exception:
            # A worker without heartbeat loses all of its leases.
            log.exception("failing", what=what)
            failing = True
        else:
            if failing:
                log.info("healed", what=what)
            failing = False
        await asyncio.sleep(seconds)
