"""Deletion: what docfleet keeps of a job, or of all jobs of a document, goes for good."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ledger.errors import JobOpenError
from ledger.ledger import Ledger
from ledger.page import each_of
from producer.audit_trail import AuditTrail
from producer.errors import RequestError, UnknownDocumentError, UnknownJobError
from schemas.audit import AuditAction
from schemas.document import S3Uri, bucket_and_key, document_key, uploaded_sha256
from schemas.ids import result_key
from schemas.job import JOB_ID, Job
from schemas.job_filter import JobFilter
from settings.fleet import FleetSettings
from storage.objects import ObjectStore


class Deletion:
    """Deletes jobs and documents of a fleet.

    Its methods may raise LedgerUnavailableError or StorageUnavailableError; the same call again
    deletes the rest.

    Args:
        settings: The fleet's.
        ledger: The jobs.
        store: Results, page text and uploaded documents.
        audit: Told of each deletion.
    """

    def __init__(
        self, settings: FleetSettings, ledger: Ledger, store: ObjectStore, audit: AuditTrail
    ) -> None:
        self._work_bucket = settings.work_bucket
        self._results_bucket = settings.results_bucket
        self._seconds = settings.retention.closed_seconds
        self._ledger = ledger
        self._store = store
        self._audit = audit

    async def job(self, job_id: str, tenant: str | None = None) -> None:
        """Delete a job that has ended: text, result, what its tasks left, record and deliveries.

        Args:
            job_id: Which one.
            tenant: Whose it has to be; None for anybody's.

        Raises:
            UnknownJobError: There is no such job.
            JobOpenError: It has not ended.
        """
        job = await self._ledger.job(job_id) if JOB_ID.fullmatch(job_id) else None
        if job is None or tenant not in {None, job.tenant}:
            raise UnknownJobError(f"there is no job {job_id}")
        await self._delete(job)

    async def document(
        self, tenant: str, *, uri: S3Uri | None = None, sha256: str | None = None
    ) -> int:
        """Delete all jobs of a tenant's document, and its bytes where they were uploaded.

        Args:
            tenant: Whose it is.
            uri: Where it lies.
            sha256: Of its bytes, wherever they lie.

        Returns:
            How many jobs were deleted.

        Raises:
            RequestError: Not exactly one of both is given.
            UnknownDocumentError: Nothing is known of it.
            JobOpenError: One of the jobs has not ended; nothing is deleted then.
        """
        if (uri is None) == (sha256 is None):
            raise RequestError("give exactly one of `uri` and `sha256`")
        jobs = [job async for job in self._jobs(tenant, uri, sha256)]
        for job in jobs:
            _check_ended(job)
        uploads = await self._uploads(tenant, uri, sha256)
        if not jobs and not uploads:
            raise UnknownDocumentError(f"tenant {tenant} has no document {uri or sha256}")
        for job in jobs:
            await self._delete(job)
        for upload in uploads:
            await self._store.delete(upload)
        await self._audit.record(
            AuditAction.DOCUMENT_DELETED,
            tenant=tenant,
            target=uri or sha256 or "",
            detail=f"jobs: {len(jobs):,}",
        )
        return len(jobs)

    async def _delete(self, job: Job) -> None:
        """Delete objects first: a record that is still there can be deleted again."""
        _check_ended(job)
        own = f"s3://{self._results_bucket}/{result_key(job.id)}"
        text = job.prepared.text_uri if job.prepared else None
        corrections = self._store.list(self._results_bucket, prefix=f"corrections/{job.id}-")
        found = [one.uri async for one in corrections]
        for uri in (own, job.result_uri, job.kept_uri, text, *found):
            if uri is not None and self._is_ours(uri):
                await self._store.delete(uri)
        await self._ledger.jobs.delete(job.id, remembered_seconds=self._seconds)
        await self._audit.record(AuditAction.JOB_DELETED, tenant=job.tenant, target=job.id)

    def _is_ours(self, uri: S3Uri) -> bool:
        """Tell whether docfleet wrote an object; a chat's text is its line of an input file."""
        bucket, key = bucket_and_key(uri)
        of_work = bucket == self._work_bucket and key.startswith(("text/", "kept/"))
        return of_work or bucket == self._results_bucket

    async def _jobs(self, tenant: str, uri: S3Uri | None, sha256: str | None) -> AsyncIterator[Job]:
        which = JobFilter(tenant=tenant, document=uri)
        async for job in each_of(lambda cursor: self._ledger.jobs.page(which, after=cursor)):
            if sha256 is None or _has_bytes(job, sha256):
                yield job

    async def _uploads(self, tenant: str, uri: S3Uri | None, sha256: str | None) -> list[S3Uri]:
        """Return where docfleet keeps the document, of the tenant's uploads."""
        if uri is not None:
            bucket, key = bucket_and_key(uri)
            sha256 = uploaded_sha256(key) if bucket == self._work_bucket else None
            if sha256 is None or not key.startswith(document_key(tenant, sha256, "")):
                return []
        prefix = document_key(tenant, sha256 or "", "")
        found = self._store.list(self._work_bucket, prefix=prefix)
        return [one.uri async for one in found if uri in {None, one.uri}]


def _has_bytes(job: Job, sha256: str) -> bool:
    if job.prepared is not None:
        return job.prepared.sha256 == sha256
    return uploaded_sha256(bucket_and_key(job.document.uri)[1]) == sha256


def _check_ended(job: Job) -> None:
    if not job.state.closed:
        raise JobOpenError(f"{job.id} cannot be deleted yet: it is {job.state}: cancel it")
