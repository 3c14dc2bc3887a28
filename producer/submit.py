"""Submission: turns a request or a drop into a job in the ledger. Every way in ends here."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import MappingProxyType

from ledger.ledger import Ledger
from producer.access.documents import check_access
from producer.adapter_pins import AdapterPins
from producer.adoptions import belongs_to_a_job
from producer.callbacks.rules import CallbackRules
from producer.errors import RequestError, UnknownTaskError
from producer.key_metadata import joined, key_metadata
from producer.versions import dropped_document, dropped_job_id, same_bytes_job_id, versioned
from schemas.document import (
    DocumentRef,
    S3Uri,
    bucket_and_key,
    document_key,
    uploaded_sha256,
)
from schemas.ids import derived_job_id, new_job_id
from schemas.job import DEFAULT_TENANT, JobRequest, JobSpec, KeptCallback
from schemas.scorecard import Scorecard
from schemas.task import Task
from settings.fleet import FleetSettings
from settings.sections.rules import RuleSettings
from storage.errors import ObjectExistsError, StorageError
from storage.objects import ObjectInfo, ObjectStore, ObjectVersion

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_LOOK_SECONDS = 3
_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Submitter:
    """Submits requests and drops as jobs.

    Args:
        settings: The fleet's.
        ledger: Holds the jobs.
        store: Stores documents that come with their request.
        tasks: The known tasks, by name.
        callbacks: The rules for callbacks.
        scorecards: The known scorecards, by name.

    Attributes:
        tasks: The known tasks, by name.
        scorecards: The known scorecards, by name.
    """

    def __init__(
        self,
        settings: FleetSettings,
        ledger: Ledger,
        store: ObjectStore,
        tasks: Mapping[str, Task],
        callbacks: CallbackRules,
        scorecards: Mapping[str, Scorecard] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = store
        self.tasks = tasks
        self.scorecards = scorecards
        self._callbacks = callbacks
        self._pins = AdapterPins(settings, ledger.adapters)

    async def submit(
        self,
        request: JobRequest,
        *,
        name: str | None = None,
        tenant: str = DEFAULT_TENANT,
        own_documents: bool = False,
        idempotency_key: str | None = None,
    ) -> str:
        """Submit a request; return the job's id.

        Args:
            request: The document and its tasks.
            name: The sender's file name of the document.
            tenant: The owner of the job.
            own_documents: True when the document must be the tenant's own.
            idempotency_key: The same key of the same tenant always gives the same job.

        Raises:
            UnknownTaskError: The message lists the known tasks.
            UnknownAdapterError: The registry has no such adapter.
            UnservedAdapterError: No pool can run an adapter for this job.
            RequestError: The idempotency key or the callback is not valid.
            ForbiddenError: The document must be the tenant's own, and is not.
            IdempotencyError: The key was used for another request.
            TenantQuotaError: The tenant has too many jobs in line.
            LedgerFullError: Redis has no memory left.
            LedgerUnavailableError: Redis does not answer.
            StorageUnavailableError: Inline text could not be stored.
        """
        self.check_asked(request.tasks)
        if own_documents and request.document.uri is not None:
            check_access(self._settings, tenant, request.document.uri)
        callback = await self._callbacks.kept(tenant, request.callback)
        job_id = _requested_job_id(tenant, idempotency_key)
        asked = self._asked(request.tasks)
        adapters = await self._pins.of(asked["tasks"], request.adapters)
        spec = JobSpec(
            document=await self._document(request, tenant, name),
            **asked,
            tenant=tenant,
            priority=request.priority,
            callback=callback,
            metadata=request.metadata,
            adapters=adapters,
        )
        await self._ledger.submit(
            job_id,
            spec,
            quota=self._settings.quota(tenant),
            fleets_callback=request.callback is None,
        )
        return job_id

    async def submit_drop(
        self,
        drop: ObjectInfo,
        version: ObjectVersion,
        rule: RuleSettings,
        metadata: Mapping[str, str] = _NO_METADATA,
        sha256: str | None = None,
    ) -> str | None:
        """Submit an object of a listing, and return the id of its job if that is new.

        An object that a job waits for becomes the document of that job, and no new job.

        Args:
            drop: One version of an object; the same version never becomes two jobs.
            version: The version that the job will read.
            rule: Gives the job's tasks, tenant, priority and callback.
            metadata: Metadata from its manifest.
            sha256: Digest of its bytes, when equal bytes are one job.

        Raises:
            IdempotencyError: It became a job before, under another rule, or its bytes did under
                another key.
            TenantQuotaError: The rule's tenant has too many jobs in line.
            LedgerFullError: Redis has no memory left.
            LedgerUnavailableError: Redis does not answer.
        """
        with_metadata = self._settings.documents.object_metadata
        document = dropped_document(drop, version, with_metadata=with_metadata)
        of_key = key_metadata(rule.key_metadata, bucket_and_key(drop.uri)[1])
        asked = self._asked(rule.tasks)
        spec = JobSpec(
            document=document.model_copy(update={"metadata": {**document.metadata, **of_key}}),
            **asked,
            tenant=rule.tenant,
            priority=rule.priority,
            callback=KeptCallback(url=rule.callback) if rule.callback else self._callbacks.default,
            metadata=joined(metadata, of_key),
            adapters=await self._pins.defaults(asked["tasks"]),
        )
        drop_id = dropped_job_id(drop)
        if await belongs_to_a_job(self._ledger, drop_id, spec, rule):
            return None
        job_id = same_bytes_job_id(rule.tenant, rule.tasks, sha256) if sha256 else drop_id
        is_new = await self._ledger.submit(
            job_id,
            spec,
            quota=self._settings.quota(rule.tenant),
            fleets_callback=not rule.callback,
        )
        return job_id if is_new else None

    async def server_run(self) -> str:
        """See Ledger.server_run."""
        return await self._ledger.server_run()

    async def upload(self, data: bytes, suffix: str, tenant: str = DEFAULT_TENANT) -> S3Uri:
        """Store a document outside the watched prefixes; return its URI.

        Args:
            data: The bytes.
            suffix: Suffix of the file's name, such as `.pdf`, or an empty text.
            tenant: The owner of the document.

        Raises:
            StorageUnavailableError: The object store does not answer.
        """
        digest = hashlib.sha256(data).hexdigest()
        uri = f"s3://{self._settings.work_bucket}/{document_key(tenant, digest, suffix)}"
        media_type = mimetypes.guess_type(f"document{suffix}")[0] or "application/octet-stream"
        with suppress(ObjectExistsError):  # an object with this key has the same bytes
            await self._store.create(uri, data, media_type=media_type)
        return uri

    def _asked(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the tasks and the scorecards of names that can be either."""
        cards = tuple(name for name in names if name in self.scorecards)
        tasks = [
            task
            for name in names
            for task in (self.scorecards[name].indicators if name in cards else (name,))
        ]
        return {"tasks": tuple(dict.fromkeys(tasks)), "scorecards": cards}

    def check_asked(self, names: Iterable[str]) -> None:
        """Raise UnknownTaskError unless each name is a task or a scorecard."""
        _check(names, self.tasks.keys() | self.scorecards.keys())

    def check_tasks(self, names: Iterable[str]) -> None:
        """Raise UnknownTaskError unless each name is a task."""
        _check(names, self.tasks.keys())

    async def _document(self, request: JobRequest, tenant: str, name: str | None) -> DocumentRef:
        if request.document.text is not None:
            uri = await self.upload(request.document.text.encode(), ".txt", tenant)
            return DocumentRef(uri=uri, name=name)
        if request.document.uri is None:
            raise RequestError("the request names no document")
        return await self._as_it_is(DocumentRef(uri=request.document.uri, name=name))

    async def _as_it_is(self, document: DocumentRef) -> DocumentRef:
        """Return the document with its present version.

        When there is no version yet, or the store answers late, the worker reads the one that it
        finds.
        """
        bucket, key = bucket_and_key(document.uri)
        if bucket == self._settings.work_bucket and uploaded_sha256(key):
            return document  # the key contains the digest of the bytes
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                return versioned(
                    document,
                    await self._store.head(document.uri),
                    with_metadata=self._settings.documents.object_metadata,
                )
        return document


def _requested_job_id(tenant: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return new_job_id()
    if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise RequestError("an idempotency key has 1 to 255 printable ASCII characters")
    return derived_job_id(tenant, idempotency_key)


def _check(names: Iterable[str], known: AbstractSet[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        raise UnknownTaskError(f"unknown task {', '.join(unknown)}; known are: {listed}")
