"""The watcher: turns drops into jobs. Listing the buckets is the guarantee, events make it fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from producer.drops.bucket_event import ObjectCreated, is_noise
from producer.drops.bucket_watcher import BucketWatch
from producer.drops.manifest_tracker import Manifests
from producer.drops.submitter import Drops
from producer.errors import UnwatchedBucketError
from producer.rules import with_buckets
from producer.submit import Submitter
from schemas.document import bucket_and_key
from settings.fleet import FleetSettings
from storage.errors import ObjectMissingError
from storage.objects import ObjectInfo, ObjectStore

log = structlog.get_logger(__name__)


class Watcher:
    """Watches the buckets that rules name; the incoming bucket is that of rules that name none.

    Args:
        settings: The fleet's.
        store: Lists the buckets.
        submitter: Makes jobs of drops.

    Raises:
        UnknownTaskError: A rule names a task that has no file.
    """

    def __init__(self, settings: FleetSettings, store: ObjectStore, submitter: Submitter) -> None:
        submitter.check_tasks(task for rule in settings.rules for task in rule.tasks)
        self._submitter = submitter
        self._own_buckets = {settings.results_bucket, settings.work_bucket}
        self._server_run = ""
        rules = with_buckets(settings.rules, settings.incoming_bucket)
        max_bytes = settings.limits.document_bytes
        self._drops = Drops(rules, store, submitter, max_bytes=max_bytes)
        self._manifests = Manifests(self._drops, settings.watch.manifest_wait_seconds)
        buckets = {rule.bucket for rule in rules if rule.bucket} or {settings.incoming_bucket}
        self._buckets = {
            bucket: BucketWatch(
                bucket,
                [rule for rule in rules if rule.bucket == bucket],
                settings.watch,
                store=store,
                settle=self._settle,
                check_redis_restart=self.check_redis_restart,
            )
            for bucket in sorted(buckets)
        }

    def hint(self, bucket: str, keys: Iterable[str], version_id: str | None = None) -> None:
        """Look at these keys at once; those of other buckets are ignored."""
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
            on_first_listing: Called once, when all that lay in the buckets has been submitted.
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
        """Make jobs of what an event is about; when this returns, the ledger has them.

        Where the key is in doubt, each that there is is taken: all of them are drops.

        Raises:
            UnwatchedBucketError: It is of a bucket that is not watched.
            ObjectMissingError: Nothing lies there.
            StorageError: Or another of these.
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
        """Which run of Redis keeps the ledger; a new one may have forgotten a little.

        Raises:
            LedgerUnavailableError: It does not answer.
        """
        run = await self._submitter.server_run()
        if run != self._server_run:
            self._server_run = run
            for bucket in self._buckets.values():
                bucket.forget()
        return run

    def _watched(self, bucket: str) -> BucketWatch:
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

    async def _settle(self, drop: ObjectInfo) -> bool:
        """Submit a drop, or find that there is nothing to do; whether it is decided."""
        if is_noise(bucket_and_key(drop.uri)[1]):
            return True
        fit = await self._drops.fit(drop)
        if fit is None:
            log.warning("no rule fits this drop: add one to fleet.toml, then restart", uri=drop.uri)
            return True
        if fit.is_manifest:
            return await self._manifests.take_manifest(drop, fit.rule)
        if fit.rule.manifest is not None:
            return await self._manifests.take_document(drop, fit.rule)
        return await self._drops.submit(drop, fit.rule)
