"""The observer: reports changes of jobs to many waiters, with one look at the ledger for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic

import structlog

from ledger.errors import LedgerError
from ledger.jobs import Jobs
from schemas.job_filter import JobPosition

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.1
_LOOKING_SHARE = 0.1
"""Maximum share of time spent polling, for any number of jobs."""
_BATCH = 500


class Observer:
    """Polls the jobs that somebody waits for, and no others.

    Args:
        jobs: The ledger's jobs.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._waiters: dict[str, dict[asyncio.Future[None], JobPosition]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def open(self) -> bool:
        """Tell whether waiting is still possible."""
        return not self._closed

    async def changed(self, job_id: str, seen: JobPosition, timeout_seconds: float) -> bool:
        """Wait until a job changes or disappears; return False when it did not.

        Args:
            job_id: The job's id.
            seen: The job's position when its waiter last looked.
            timeout_seconds: Maximum seconds to wait.
        """
        if self._closed or seen.state.closed:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(job_id, {})[waiter] = seen
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._forget(job_id, waiter)
        return not self._closed

    async def close(self) -> None:
        """Release all waiters, and accept no others."""
        self._closed = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                _wake(waiter)
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    def _forget(self, job_id: str, waiter: asyncio.Future[None]) -> None:
        waiters = self._waiters.get(job_id, {})
        waiters.pop(waiter, None)
        if not waiters:
            self._waiters.pop(job_id, None)

    async def _look(self) -> None:
        while self._waiters:
            started = monotonic()
            try:
                async for job_id, standing in self._standings():
                    for waiter, seen in self._waiters.get(job_id, {}).items():
                        if standing != seen:
                            _wake(waiter)
            except LedgerError as error:
                log.warning("jobs cannot be looked at", reason=str(error))
            spent = monotonic() - started
            await asyncio.sleep(max(_PAUSE_SECONDS, spent / _LOOKING_SHARE - spent))

    async def _standings(self) -> AsyncIterator[tuple[str, JobPosition | None]]:
        ids = list(self._waiters)
        for start in range(0, len(ids), _BATCH):
            some = ids[start : start + _BATCH]
            found = await self._jobs.standings(some)
            for job_id in some:
                yield job_id, found.get(job_id)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
