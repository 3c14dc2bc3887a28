"""Submission of one drop: the rule that fits it, and the job that it becomes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import structlog
from pydantic import ValidationError

from ledger.errors import IdempotencyError
from producer.rules import Fit, chosen, fits
from producer.submit import Submitter
from producer.versions import version_of
from schemas.document import S3Uri, bucket_and_key
from settings.sections.rules import RuleSettings, SameBytes
from storage.errors import StorageError, StorageUnavailableError
from storage.objects import ObjectInfo, ObjectStore, ObjectVersion

log = structlog.get_logger(__name__)

_READ_AT_ONCE = 2
"""Maximum drops whose bytes are in memory at once."""
_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class DropSubmitter:
    """The rules, and the jobs that drops become by them.

    Each method raises StorageError or LedgerError when a server fails, and can then be tried again.

    Args:
        rules: Each with its bucket.
        store: Holds the drops.
        submitter: Submits the jobs.
        max_bytes: Maximum bytes of a document.
    """

    def __init__(
        self,
        rules: Sequence[RuleSettings],
        store: ObjectStore,
        submitter: Submitter,
        *,
        max_bytes: int,
    ) -> None:
        self._max_bytes = max_bytes
        self._readers = asyncio.Semaphore(_READ_AT_ONCE)
        self._rules = rules
        self._store = store
        self._submitter = submitter

    async def find(self, uri: S3Uri) -> ObjectInfo:
        """See ObjectStore."""
        return await self._store.find(uri)

    async def read(self, uri: S3Uri, *, max_bytes: int) -> bytes:
        """See ObjectStore.get."""
        return await self._store.get(uri, max_bytes=max_bytes)

    async def fit(self, drop: ObjectInfo) -> Fit | None:
        """Return the rule that a drop fits; read its tags only when a rule depends on them."""
        found = fits(self._rules, *bucket_and_key(drop.uri))
        if any(fit.needs_tags for fit in found):
            return chosen(found, await self._store.tags(drop.uri, drop.version_id))
        return found[0] if found else None

    async def submit(
        self, drop: ObjectInfo, rule: RuleSettings, metadata: Mapping[str, str] = _NO_METADATA
    ) -> bool:
        """Submit a drop as a job, unless it is one already.

        Args:
            drop: The object, as it was found.
            rule: Gives the job's tasks, tenant, priority and callback.
            metadata: Metadata of the job.

        Returns:
            True when the drop is settled; False when the object has changed since it was found.
        """
        version = await version_of(self._store, drop)
        if version is None:
            log.info("a drop was overwritten or deleted before it became a job", uri=drop.uri)
            return False
        sha256 = None
        if rule.same_bytes is SameBytes.ONE_JOB:
            sha256 = await self._sha256(drop.uri, version)
        try:
            job_id = await self._submitter.submit_drop(drop, version, rule, metadata, sha256)
        except IdempotencyError:
            # The rules, the manifest or the object's bytes changed after it became a job.
            if sha256 is not None:
                log.info("the same bytes are a job already", uri=drop.uri)
            return True
        except ValidationError as error:
            words = error.errors()[0]["msg"]
            log.warning("this drop cannot be a job", uri=drop.uri, error=words)
            return True
        if job_id is not None:
            log.info("job submitted", job=job_id, uri=drop.uri)
        return True

    async def _sha256(self, uri: S3Uri, version: ObjectVersion) -> str | None:
        """Return the digest of a drop's bytes; None for bytes that its job will refuse."""
        async with self._readers:
            try:
                data = await self._store.get(uri, max_bytes=self._max_bytes, version=version)
            except StorageUnavailableError:
                raise
            except StorageError:
                return None
            return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
