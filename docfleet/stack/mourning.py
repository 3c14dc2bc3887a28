"""Report of a worker's death to the ledger, so that its leases end at once."""

from __future__ import annotations

from contextlib import suppress

from ledger.errors import LedgerError
from ledger.ledger import Ledger

_ANSWER_SECONDS = 2


async def mourn(redis_url: str, station: str, losses: int) -> None:
    """Settle the leases of a dead worker; if Redis does not answer, they expire.

    Args:
        redis_url: Redis of the ledger.
        station: Name of the worker.
        losses: Maximum times that one stage of a job may end a worker alone.
    """
    ledger = Ledger(redis_url, timeout=_ANSWER_SECONDS, retries=0)
    with suppress(LedgerError):
        await ledger.deaths.bury(station, losses=losses)
    await ledger.close()
