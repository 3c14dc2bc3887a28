"""The watcher: turns drops into jobs. Listing the bucket is the guarantee, events make it fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog
from pydantic import ValidationError

from ledger.errors import IdempotencyError, LedgerError
from producer.hints import is_noise
from producer.rules import match
from producer.submit import Submitter, dropped_job_id
from schemas.document import bucket_and_key
from settings.fleet import FleetSettings
from storage.errors import StorageError
from storage.objects import ObjectInfo, ObjectStore

log = structlog.get_logger(__name__)

_SUBMITS_AT_ONCE = 32
_MOST_HINTS = 32
"""From more hints than this on, one full listing is less work."""
_LONGEST_PAUSE_SECONDS = 30.0


class Watcher:
    """Watches the incoming bucket.

    Args:
        settings: The fleet's.
        store: Lists the bucket.
        submitter: Makes jobs of drops.

    Raises:
        UnknownTaskError: A rule names a task that has no file.
    """

    def __init__(self, settings: FleetSettings, store: ObjectStore, submitter: Submitter) -> None:
        submitter.check_tasks(task for rule in settings.rules for task in rule.tasks)
        self._bucket = settings.incoming_bucket
        self._rules = settings.rules
        self._list_seconds = settings.watch.list_seconds
        self._store = store
        self._submitter = submitter
        self._settled: set[str] = set()  # job ids that need no submit; the ledger knows better
        self._server_run = ""
        self._hinted: set[str] = set()
        self._hint_came = asyncio.Event()
        self._list_now = asyncio.Event()
        self._in_trouble = False

    def hint(self, keys: Iterable[str]) -> None:
        """Look at these keys at once."""
        self._hinted.update(keys)
        self._hint_came.set()

    async def run(self, on_first_listing: Callable[[], None]) -> None:
        """Watch until cancelled.

        Args:
            on_first_listing: Called once, when all that lay in the bucket has been submitted.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._list_again_and_again(on_first_listing))
            group.create_task(self._follow_hints())

    async def _list_again_and_again(self, on_first_listing: Callable[[], None]) -> None:
        is_first, pause = True, 0.0
        while True:
            self._list_now.clear()
            present = await self._submit_new("") if await self._knows_server() else None
            if present is None:
                pause = min(max(pause * 2, 1.0), _LONGEST_PAUSE_SECONDS)
            else:
                pause = self._list_seconds
                self._settled &= present  # forget what was deleted
                if is_first:
                    is_first = False
                    on_first_listing()
            await _until_set(self._list_now, pause)

    async def _follow_hints(self) -> None:
        while True:
            await self._hint_came.wait()
            self._hint_came.clear()
            keys, self._hinted = self._hinted, set()
            if len(keys) > _MOST_HINTS:
                self._list_now.set()
                continue
            for key in keys:
                await self._submit_new(key)

    async def _knows_server(self) -> bool:
        """Whether Redis answers; one that was restarted may have forgotten what was settled."""
        try:
            run = await self._submitter.server_run()
        except LedgerError as error:
            self._tell_trouble(error)
            return False
        if run != self._server_run:
            self._settled.clear()
            self._server_run = run
        return True

    async def _submit_new(self, prefix: str) -> set[str] | None:
        """Submit what is new among the objects whose keys start so.

        Returns:
            The job ids of all that is there; None where a server failed, and it is to be tried
            again. What was submitted until then stays submitted.
        """
        present = None
        try:
            present = await self._list(prefix)
        except* (LedgerError, StorageError) as errors:
            self._tell_trouble(errors.exceptions[0])
        else:
            self._tell_recovery()
        return present

    async def _list(self, prefix: str) -> set[str]:
        present: set[str] = set()
        room = asyncio.Semaphore(_SUBMITS_AT_ONCE)

        async def settle(drop: ObjectInfo, job_id: str) -> None:
            try:
                await self._submit(drop)
                self._settled.add(job_id)
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            async for drop in self._store.list(self._bucket, prefix=prefix):
                job_id = dropped_job_id(drop)
                present.add(job_id)
                if job_id not in self._settled:
                    await room.acquire()
                    group.create_task(settle(drop, job_id))
        return present

    async def _submit(self, drop: ObjectInfo) -> None:
        bucket, key = bucket_and_key(drop.uri)
        if is_noise(key):
            return
        rule = match(self._rules, bucket, key)
        if rule is None:
            log.warning("no rule fits this drop: add one to fleet.toml, then restart", uri=drop.uri)
            return
        try:
            is_new = await self._submitter.submit_drop(drop, rule)
        except IdempotencyError:
            return  # it became a job before the rules or the callback were changed
        except ValidationError as error:
            words = error.errors()[0]["msg"]
            log.warning("this drop cannot be a job", uri=drop.uri, error=words)
            return
        if is_new:
            log.info("job submitted", job=dropped_job_id(drop), uri=drop.uri)

    def _tell_trouble(self, error: BaseException) -> None:
        """Say it once, however often it comes."""
        if not self._in_trouble:
            log.warning("drops have to wait; trying again", error=str(error))
        self._in_trouble = True

    def _tell_recovery(self) -> None:
        if self._in_trouble:
            log.info("drops are taken again")
        self._in_trouble = False


async def _until_set(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
