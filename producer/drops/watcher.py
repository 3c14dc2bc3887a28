"""The watcher: turns drops into jobs. Listings find every drop, and events find it sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from producer.drops.bucket_event import ObjectCreated
from producer.drops.bucket_watcher import BucketWatcher
from producer.drops.handler import DropHandler
from producer.drops.submitter import DropSubmitter
from producer.errors import UnwatchedBucketError
from producer.rules import with_buckets
from producer.submit import Submitter
from settings.fleet import FleetSettings
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore


class Watcher:
    """The buckets that rules name. A rule without a bucket means the incoming bucket.

    Args:
        settings: The fleet's.
        store: Lists the buckets.
        submitter: Submits drops as jobs.

    Raises:
        UnknownTaskError: A rule names a task that has no file.
    """

    def __init__(self, settings: FleetSettings, store: ObjectStore, submitter: Submitter) -> None:
        submitter.check_asked(task for rule in settings.rules for task in rule.tasks)
        self._submitter = submitter
        self._own_buckets = {settings.results_bucket, settings.work_bucket}
        self._server_run = ""
        rules = with_buckets(settings.rules, settings.incoming_bucket)
        max_bytes = settings.limits.document_bytes
        drops = DropSubmitter(rules, store, submitter, max_bytes=max_bytes)
        handler = DropHandler(drops, settings.watch.manifest_wait_seconds)
        buckets = {rule.bucket for rule in rules if rule.bucket} or {settings.incoming_bucket}
        self._buckets = {
            bucket: BucketWatcher(
                bucket,
                [rule for rule in rules if rule.bucket == bucket],
                settings.watch,
                store=store,
                handler=handler,
                check_redis_restart=self.check_redis_restart,
            )
            for bucket in sorted(buckets)
        }

    def hint(self, bucket: str, keys: Iterable[str], version_id: str | None = None) -> None:
        """Look at these keys at once; ignore those of other buckets."""
        if bucket in self._buckets:
            self._buckets[bucket].hint(keys, version_id)

    @property
    def health_problem(self) -> str | None:
        """Return the reason why drops do not become jobs, or None when they do."""
        return next(
            (bucket.health_problem for bucket in self._buckets.values() if bucket.health_problem),
            None,
        )

    async def run(self, on_first_listing: Callable[[], None]) -> None:
        """Watch until cancelled.

        Args:
            on_first_listing: Called once, when the first listing of every bucket is submitted.
        """
        to_list = set(self._buckets)

        def listed(bucket: str) -> None:
            to_list.discard(bucket)
            if not to_list:
                on_first_listing()

        async with asyncio.TaskGroup() as group:
            for name, bucket in self._buckets.items():
                group.create_task(bucket.run(partial(listed, name)))

    async def take(self, created: ObjectCreated) -> None:
        """Submit the objects of an event; the ledger has them when this returns.

        An event whose key is ambiguous has several keys: every object under one of them is a drop.

        Raises:
            UnwatchedBucketError: The bucket is not watched.
            ObjectMissingError: There is no object under any of the keys.
            StorageError: The object store failed otherwise.
            LedgerError: The ledger cannot take it now.
        """
        bucket = self._watched(created.bucket)
        missing: ObjectMissingError | None = None
        found = False
        for key in created.keys:
            try:
                await bucket.look_at(key, created.version_id)
                found = True
            except ObjectMissingError as error:
                missing = missing or error
        if missing and not found:
            raise missing

    async def check_redis_restart(self) -> str:
        """Return the id of the Redis run; settle all drops again if Redis was restarted.

        A restarted Redis may have lost its last writes.

        Raises:
            LedgerUnavailableError: Redis does not answer.
        """
        run = await self._submitter.server_run()
        if run != self._server_run:
            self._server_run = run
            for bucket in self._buckets.values():
                bucket.forget()
        return run

    def _watched(self, bucket: str) -> BucketWatcher:
        if bucket in self._own_buckets:
            raise UnwatchedBucketError(
                f"the fleet itself writes to {bucket!r}: its objects are no drops; "
                "take the notifications off that bucket"
            )
        if bucket not in self._buckets:
            raise UnwatchedBucketError(
                f"no rule names the bucket {bucket!r}; watched are: {', '.join(self._buckets)}"
            )
        return self._buckets[bucket]
