"""One watched bucket: repeated listings, and quick looks at single keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import structlog

from ledger.errors import LedgerError, TenantQuotaError
from producer.drops.backoff import Backoff
from producer.drops.digest_set import DigestSet
from producer.drops.handler import DropHandler
from producer.drops.listing_plan import ListingPlan, Range
from producer.drops.metrics import count_drop, listing
from producer.drops.outage_log import OutageLog
from producer.versions import dropped_job_id
from schemas.document import S3Uri
from schemas.ids import job_digest
from settings.sections.rules import RuleSettings
from settings.sections.watch import WatchSettings
from storage.errors import ObjectMissingError, StorageError, StorageUnavailableError
from storage.objects import ObjectInfo, ObjectStore

log = structlog.get_logger(__name__)

_NO_VERSION = "null"
"""S3's version id of objects that were written while the bucket had no versions."""
_SETTLED_AT_ONCE = 32
_MOST_HINTS = 32
"""Maximum hints that are looked at one by one; for more, one listing is less work."""
_DIGEST_BYTES = 12


class BucketWatcher:
    """Finds new objects in a bucket and has them settled.

    Args:
        bucket: The bucket's name.
        rules: The rules of this bucket.
        watch: Intervals of the listings.
        store: Lists the bucket.
        handler: Settles each drop.
        check_redis_restart: Calls `forget` if Redis was restarted.
    """

    def __init__(
        self,
        bucket: str,
        rules: Sequence[RuleSettings],
        watch: WatchSettings,
        *,
        store: ObjectStore,
        handler: DropHandler,
        check_redis_restart: Callable[[], Awaitable[str]],
    ) -> None:
        self._bucket = bucket
        self._plan = ListingPlan(rules, watch.full_list_seconds)
        self._list_seconds = watch.list_seconds
        self._store = store
        self._handler = handler
        self._check_redis_restart = check_redis_restart
        self._settled = DigestSet(_DIGEST_BYTES)  # ids of jobs that need no submit
        self._still_there: DigestSet | None = None  # the part of them that the listing has met
        self._forgotten = 0
        self._hinted: set[tuple[str, str | None]] = set()
        self._hint_came = asyncio.Event()
        self._list_now = asyncio.Event()
        self._trouble = OutageLog(
            "drops have to wait; trying again", "drops are taken again", bucket=bucket
        )
        self._quota = OutageLog(
            "drops of a tenant have to wait", "no drops wait for their tenant", bucket=bucket
        )
        self._was_listed = False
        self._over_quota = 0  # number of drops since the watcher started

    @property
    def health_problem(self) -> str | None:
        """Return the reason why drops do not become jobs, or None when they do."""
        if self._trouble.error is not None:
            return f"drops in {self._bucket} have to wait: {self._trouble.error}"
        return None if self._was_listed else "starting"

    def hint(self, keys: Iterable[str], version_id: str | None = None) -> None:
        """Look at these keys at once, or at a version of each."""
        self._hinted.update((key, version_id) for key in keys)
        self._hint_came.set()

    async def run(self, on_first_listing: Callable[[], None]) -> None:
        """Watch until cancelled.

        Args:
            on_first_listing: Called once, when the first listing is settled.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._list_again_and_again(on_first_listing))
            group.create_task(self._follow_hints())

    async def look_at(self, key: str, version_id: str | None = None) -> None:
        """Settle the object under a key.

        Args:
            key: The object's key.
            version_id: The version to settle; the present one if this version is gone.

        Raises:
            ObjectMissingError: There is no object.
            StorageError: The object store failed otherwise.
            LedgerError: The ledger cannot take it now.
        """
        await self._settle_new(await self._found(f"s3://{self._bucket}/{key}", version_id))

    async def _found(self, uri: S3Uri, version_id: str | None) -> ObjectInfo:
        if version_id not in {None, _NO_VERSION}:
            try:
                return await self._store.find(uri, version_id)
            except StorageUnavailableError:
                raise
            except StorageError as error:  # it was deleted, or versions may not be listed
                log.debug("the present version is taken", uri=uri, error=str(error))
        return await self._store.find(uri)

    def forget(self) -> None:
        """Settle every drop again: the ledger may have lost its jobs."""
        self._forgotten += 1
        self._settled.clear()
        self._plan.restart()

    async def _list_again_and_again(self, on_first_listing: Callable[[], None]) -> None:
        backoff = Backoff()
        while True:
            self._list_now.clear()
            pause = self._list_seconds
            if not await self._attempted(self._measured_list()):
                pause = backoff.next_pause()
            else:
                backoff.reset()
                if not self._was_listed:
                    self._was_listed = True
                    on_first_listing()
            await _until_set(self._list_now, pause)

    async def _follow_hints(self) -> None:
        while True:
            await self._hint_came.wait()
            self._hint_came.clear()
            hints, self._hinted = self._hinted, set()
            if len(hints) > _MOST_HINTS:
                self._list_now.set()
                continue
            for hint in hints:
                await self._attempted(self._follow(*hint))

    async def _follow(self, key: str, version_id: str | None) -> None:
        # The next listing finds the object, if it is there and its key was encoded.
        with suppress(ObjectMissingError, TenantQuotaError):
            await self.look_at(key, version_id)

    async def _attempted(self, work: Awaitable[None]) -> bool:
        """Run a step and return True, or return False when a server failed."""
        done = False
        try:
            await work
        except* (LedgerError, StorageError) as errors:
            self._trouble.failed(errors.exceptions[0])
        else:
            done = True
            self._trouble.recovered()
        return done

    async def _measured_list(self) -> None:
        with listing(self._bucket):
            await self._list()

    async def _list(self) -> None:
        await self._check_redis_restart()
        forgotten, over_quota = self._forgotten, self._over_quota
        ranges = self._plan.next_ranges(asyncio.get_running_loop().time())
        full = ranges == (Range(),)
        self._still_there = DigestSet(_DIGEST_BYTES) if full else None
        room = asyncio.Semaphore(_SETTLED_AT_ONCE)

        async def settle(drop: ObjectInfo) -> None:
            try:
                await self._settle_new(drop)
            except TenantQuotaError:  # drops of other tenants need not wait
                pass
            finally:
                room.release()

        try:
            async with asyncio.TaskGroup() as group:
                async for drop in self._objects(ranges):
                    await room.acquire()
                    group.create_task(settle(drop))
            if over_quota == self._over_quota:
                self._quota.recovered()
            if forgotten == self._forgotten:
                self._plan.done(ranges, all_settled=over_quota == self._over_quota)
                if self._still_there is not None:
                    self._settled = self._still_there  # forget what was deleted
        finally:
            self._still_there = None

    async def _objects(self, ranges: Sequence[Range]) -> AsyncIterator[ObjectInfo]:
        """Yield the listed objects that are not settled."""
        for part in ranges:
            listing = self._store.list(self._bucket, prefix=part.prefix, after=part.after)
            async for drop in listing:
                self._plan.saw(drop.uri)
                digest = job_digest(dropped_job_id(drop))
                if digest not in self._settled:
                    yield drop
                elif self._still_there is not None:
                    self._still_there.add(digest)

    async def _settle_new(self, drop: ObjectInfo) -> None:
        digest = job_digest(dropped_job_id(drop))
        if digest in self._settled:
            return
        forgotten = self._forgotten
        try:
            is_settled = await self._handler.settle(drop)
        except TenantQuotaError as error:
            self._quota.failed(error)
            self._over_quota += 1
            raise
        if (
            is_settled and digest not in self._settled
        ):  # a hint and a listing may both meet the drop
            count_drop(self._bucket)
        if is_settled and forgotten == self._forgotten:
            self._settled.add(digest)
            if self._still_there is not None:
                self._still_there.add(digest)


async def _until_set(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
