"""Telling the ledger that a worker's process has ended, so that nobody waits for its leases."""

from __future__ import annotations

from contextlib import suppress

from ledger.errors import LedgerError
from ledger.ledger import Ledger

_ANSWER_SECONDS = 2


async def mourn(redis_url: str, station: str, losses: int) -> None:
    """Have what a worker held judged; where Redis does not answer, its leases will expire.

    Args:
        redis_url: The ledger's.
        station: The worker's name.
        losses: How often one stage of a job may end a worker alone.
    """
    ledger = Ledger(redis_url, timeout=_ANSWER_SECONDS, retries=0)
    with suppress(LedgerError):
        await ledger.deaths.bury(station, losses=losses)
    await ledger.close()
