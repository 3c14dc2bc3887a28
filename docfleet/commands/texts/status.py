"""Text of a fleet's status on a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from docfleet.commands.texts.age import age_text
from schemas.fleet_status import FleetStatus

_COLUMNS = "{:<16}{:>9}{:>9}{:>9}{:>9}  {}"


def status_lines(status: FleetStatus) -> Iterator[str]:
    """Return the lines: one for each pool, the rest of the fleet, and what stands still."""
    yield _COLUMNS.format("POOL", "QUEUED", "RUNNING", "WORKERS", "SLOTS", "OLDEST")
    for pool in status.pools:
        oldest = age_text(timedelta(seconds=pool.oldest_seconds)) if pool.oldest_seconds else "-"
        counts = (pool.queued, pool.running, pool.workers, pool.slots)
        yield _COLUMNS.format(pool.name, *(f"{count:,}" for count in counts), oldest)
    yield ""
    letters = " (see `docfleet dead-letters list`)" if status.dead_letters else ""
    yield f"waiting for another attempt: {status.waiting:,}"
    yield f"dead letters: {status.dead_letters:,}{letters}"
    yield f"Redis: {status.redis_bytes / 2**20:,.0f} MiB"
    yield "healthy" if status.healthy else "NOT HEALTHY"
    for problem in status.problems:
        yield f"- {problem}"
