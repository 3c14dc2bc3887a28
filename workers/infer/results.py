"""The one result object of a job: created once, and replaced only by a redrive."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ledger.claim import Claim
from ledger.record import from_unix_ms
from schemas.document import DocumentRef
from schemas.failure import FailureCode
from schemas.ids import result_key
from schemas.result import MAX_RESULT_BYTES, JobResult
from storage.errors import ObjectChangedError, ObjectExistsError, ObjectMissingError
from storage.objects import ObjectStore
from workers.errors import StageError
from workers.metrics import step
from workers.objects import parsed, storage_failures
from workers.outcome import Finished

log = structlog.get_logger(__name__)

_MEDIA_TYPE = "application/json"
_MOST_REASONS = 100
"""Maximum reasons for a review in the ledger and in an event."""


@dataclass(frozen=True, slots=True)
class Published:
    """A result that lies in the bucket, and the tag of its object."""

    result: JobResult
    etag: str


class Results:
    """The result objects.

    Args:
        store: Supports create-only puts and `If-Match`.
        bucket: Bucket with one object for each job.
    """

    def __init__(self, store: ObjectStore, bucket: str) -> None:
        self._store = store
        self._bucket = bucket

    async def earlier(self, claim: Claim) -> Published | None:
        """Return the result of an earlier attempt; look only if there was one."""
        if claim.attempt == 1 and not claim.redrives:
            return None
        found = await self._read(claim.id)
        return found if found is not None and _is_asked_for(found.result, claim) else None

    def adopted(self, claim: Claim, published: Published | None) -> Finished | None:
        """Return the outcome that an earlier attempt of this round has already written, or None."""
        if published is None or published.result.redrive != claim.redrives:
            return None
        if not _is_asked_for(published.result, claim):
            return None
        log.info("result of an earlier attempt adopted")
        return self._finished(published.result)

    async def publish(
        self, claim: Claim, result: JobResult, replaces: Published | None
    ) -> Finished:
        """Write the result; if another attempt was first, its result counts.

        Replace the result of an expired job whose id was reused for another request.

        Args:
            claim: Claim of the attempt.
            result: The complete result.
            replaces: The result of the job before it was redriven.
        """
        with storage_failures(), step("publish"):
            try:
                return await self._write(claim, result, replaces)
            except (ObjectExistsError, ObjectChangedError):
                found = await self._read(claim.id)
                if adopted := self.adopted(claim, found):
                    return adopted
                # A late attempt of the same record must not replace a newer result.
                if found is None or found.result.timings.submitted_at >= from_unix_ms(
                    claim.created_ms
                ):
                    raise
                return await self._write(claim, result, found)

    async def _write(self, claim: Claim, result: JobResult, replaces: Published | None) -> Finished:
        uri = self._uri(claim.id)
        data = _encoded(result)
        if replaces is None:
            await self._store.create(uri, data, media_type=_MEDIA_TYPE)
        else:
            await self._store.replace(uri, data, etag=replaces.etag, media_type=_MEDIA_TYPE)
        return self._finished(result)

    def _finished(self, result: JobResult) -> Finished:
        uri = self._uri(result.job_id)
        says = {"review": json.dumps(_bounded(result.needs_review))} if result.needs_review else {}
        return Finished(result.state, result_uri=uri, says=says)

    async def _read(self, job_id: str) -> Published | None:
        uri = self._uri(job_id)
        with storage_failures():
            try:
                found = await self._store.read(uri, max_bytes=MAX_RESULT_BYTES)
            except ObjectMissingError:
                return None
            return Published(parsed(JobResult, found.data, uri), found.etag)

    def _uri(self, job_id: str) -> str:
        return f"s3://{self._bucket}/{result_key(job_id)}"


def _encoded(result: JobResult) -> bytes:
    data = result.model_dump_json(exclude_none=True).encode()
    if len(data) > MAX_RESULT_BYTES:
        raise StageError(
            FailureCode.OUTPUT_TOO_LARGE,
            f"The result has {len(data):,} bytes; the limit is {MAX_RESULT_BYTES:,}.",
        )
    return data


def _bounded(reasons: Sequence[str]) -> Sequence[str]:
    """Return the reasons that the ledger and the event carry; the result has all of them."""
    if len(reasons) <= _MOST_REASONS:
        return reasons
    left_out = len(reasons) - _MOST_REASONS + 1
    return (*reasons[: _MOST_REASONS - 1], f"document: {left_out:,} more, in the result")


def _is_asked_for(result: JobResult, claim: Claim) -> bool:
    """Tell whether a result belongs to this job's request; an id can come again for another one."""
    spec = claim.job
    document = {name: getattr(result.document, name) for name in DocumentRef.model_fields}
    return (
        document == spec.document.model_dump()
        and result.tasks.keys() == set(spec.tasks)
        and result.metadata == spec.metadata
    )
