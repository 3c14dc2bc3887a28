"""Tracking of manifests: documents wait until a manifest lists them.

Each listed document is looked up; only a cache is kept here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from producer.drops.manifest import folder_of, folders_of, read_manifest
from producer.drops.submitter import DropSubmitter
from producer.errors import ManifestError
from producer.versions import dropped_job_id
from schemas.document import bucket_and_key
from schemas.job import Metadata
from settings.sections.rules import RuleSettings
from storage.errors import ObjectMissingError, ObjectTooLargeError
from storage.objects import ObjectInfo

log = structlog.get_logger(__name__)

_MANIFEST_BYTES = 16 * 2**20
_MOST_READ = 8
_LOOKUPS_AT_ONCE = 32
_MOST_NAMED = 10
"""Maximum documents that a log line names."""

Folder = tuple[str, str]
"""Bucket, and prefix of the keys in it."""


@dataclass(slots=True)
class _Open:
    """A version of a manifest with documents that have not arrived."""

    version: str
    missing: set[str]
    give_up_at: datetime


class Manifests:
    """Decides on documents whose rule has a manifest.

    Args:
        drops: Finds and submits documents.
        wait_seconds: Maximum seconds that a manifest waits for its documents.
    """

    def __init__(self, drops: DropSubmitter, wait_seconds: float) -> None:
        self._drops = drops
        self._wait = timedelta(seconds=wait_seconds)
        self._seen: defaultdict[Folder, dict[str, ObjectInfo]] = defaultdict(dict)
        self._open: dict[str, _Open] = {}
        self._read: OrderedDict[str, Mapping[str, Metadata]] = OrderedDict()
        self._waiting: set[Folder] = set()

    async def take_manifest(self, manifest: ObjectInfo, rule: RuleSettings) -> bool:
        """Submit the documents of a manifest that exist.

        Args:
            manifest: One version of the manifest.
            rule: The rule that it fits.

        Returns:
            True when all are settled; False when the next listing has to take it again.
        """
        version = dropped_job_id(manifest)
        is_open = self._open.get(manifest.uri)
        if is_open and is_open.version == version:
            return self._is_over(manifest.uri, is_open)
        bucket, key = bucket_and_key(manifest.uri)
        try:
            listed = await self._listed(manifest)
        except (ManifestError, ObjectTooLargeError) as error:
            log.warning("this manifest cannot be used", uri=manifest.uri, error=str(error))
            return True
        except ObjectMissingError:
            return True  # deleted since the listing
        folder = (bucket, folder_of(key))
        self._seen[folder][manifest.uri] = manifest
        self._waiting.discard(folder)
        opened = _Open(version, set(listed), manifest.modified_at + self._wait)
        self._open[manifest.uri] = opened
        try:
            await self._submit_listed(bucket, listed, rule, opened.missing)
        except BaseException:
            self._open.pop(manifest.uri, None)  # all of it is looked up again
            raise
        if self._is_over(manifest.uri, opened):
            return True
        log.info("a manifest waits for documents", uri=manifest.uri, **_named(opened.missing))
        return False

    async def take_document(self, drop: ObjectInfo, rule: RuleSettings) -> bool:
        """Submit a document if a known manifest lists it.

        Args:
            drop: The document.
            rule: The rule that it fits.

        Returns:
            True when it is settled; False when it waits for its manifest.
        """
        bucket, key = bucket_and_key(drop.uri)
        decided = False
        for folder in folders_of(key):
            for manifest in tuple(self._seen.get((bucket, folder), {}).values()):
                decided = True
                metadata = (await self._listed_or_gone(manifest)).get(key)
                if metadata is not None:
                    if not await self._drops.submit(drop, rule, metadata):
                        return False
                    self._came(manifest.uri, key)
                    return True
        if decided:
            log.info("no manifest lists this document: it becomes no job", uri=drop.uri)
        else:
            self._tell_waiting((bucket, folder_of(key)), drop)
        return decided

    async def _listed(self, manifest: ObjectInfo) -> Mapping[str, Metadata]:
        version = dropped_job_id(manifest)
        if version not in self._read:
            data = await self._drops.read(manifest.uri, max_bytes=_MANIFEST_BYTES)
            self._read[version] = read_manifest(data, bucket_and_key(manifest.uri)[1])
            if len(self._read) > _MOST_READ:
                self._read.popitem(last=False)
        self._read.move_to_end(version)
        return self._read[version]

    async def _listed_or_gone(self, manifest: ObjectInfo) -> Mapping[str, Metadata]:
        """Return the entries of a manifest; none if it was deleted or damaged meanwhile."""
        try:
            return await self._listed(manifest)
        except (ManifestError, ObjectMissingError, ObjectTooLargeError):
            bucket, key = bucket_and_key(manifest.uri)
            self._seen[bucket, folder_of(key)].pop(manifest.uri, None)
            self._open.pop(manifest.uri, None)
            return {}

    async def _submit_listed(
        self, bucket: str, listed: Mapping[str, Metadata], rule: RuleSettings, missing: set[str]
    ) -> None:
        """Submit the documents that exist, and remove them from the missing ones."""
        room = asyncio.Semaphore(_LOOKUPS_AT_ONCE)

        async def submit(key: str, metadata: Metadata) -> None:
            async with room:
                if await self._submit_one(f"s3://{bucket}/{key}", metadata, rule):
                    missing.discard(key)

        work = (submit(key, metadata) for key, metadata in listed.items())
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _submit_one(self, uri: str, metadata: Metadata, rule: RuleSettings) -> bool:
        """Submit one document; return False when it does not exist yet."""
        try:
            drop = await self._drops.find(uri)
            fit = await self._drops.fit(drop)
        except ObjectMissingError:
            return False
        if fit is None or fit.rule != rule or fit.is_manifest:
            log.warning("a manifest lists what its rule does not fit: it becomes no job", uri=uri)
            return True
        return await self._drops.submit(drop, rule, metadata)

    def _is_over(self, uri: str, opened: _Open) -> bool:
        """Tell whether a manifest waits for no more documents."""
        if opened.missing and datetime.now(UTC) < opened.give_up_at:
            return False
        self._open.pop(uri, None)
        if opened.missing:
            log.warning(
                "documents of a manifest never came; they are still taken if they do",
                uri=uri,
                **_named(opened.missing),
            )
        return True

    def _came(self, uri: str, key: str) -> None:
        opened = self._open.get(uri)
        if opened and key in opened.missing:
            opened.missing.remove(key)
            if not opened.missing:
                log.info("all documents of a manifest have come", uri=uri)

    def _tell_waiting(self, folder: Folder, drop: ObjectInfo) -> None:
        """Log it once for each folder."""
        if folder not in self._waiting:
            self._waiting.add(folder)
            log.info("documents wait for their manifest", first=drop.uri)


def _named(keys: set[str]) -> dict[str, int | list[str]]:
    return {"count": len(keys), "first": sorted(keys)[:_MOST_NAMED]}
