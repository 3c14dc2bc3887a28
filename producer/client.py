"""The Python client, for programs inside the fleet's network: submit, wait and fetch.

The HTTP API and the `docfleet` command use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ledger.access.secret_box import SecretBox
from ledger.errors import LedgerRefusedError
from ledger.fleet.depth import FleetDepth
from ledger.ledger import Ledger
from ledger.page import Page
from producer.access.keyring import Keyring
from producer.adapter_registry import AdapterRegistry
from producer.audit_trail import AuditTrail
from producer.callbacks.rules import CallbackRules
from producer.callbacks.secrets import CallbackSecrets
from producer.catalogue import Catalogue
from producer.dead_letters import DeadLetters
from producer.deletion import Deletion
from producer.downloads import Download, open_download
from producer.endpoints import Endpoints
from producer.errors import ClosedJobError, NoResultError, UnknownJobError, WaitTimeoutError
from producer.job_observer import Observer
from producer.local_document import key_suffix, read_local_document
from producer.openai.service import OpenAi
from producer.reviews import Reviews
from producer.submit import Submitter
from producer.uploads import Uploads
from schemas.document import S3Uri
from schemas.job import DEFAULT_TENANT, JOB_ID, Job, JobRequest
from schemas.job_filter import JobFilter
from schemas.queues import BATCH_QUEUE, DELIVER_QUEUE, PREPARE_QUEUE, infer_queue
from schemas.result import JobResult
from schemas.states import JobState
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from settings.sections.scorecards import load_scorecards
from settings.sections.tasks import load_tasks
from storage.errors import ObjectMissingError
from storage.s3 import S3Store

_FIRST_LOOK_SECONDS = 0.05
_MOST_BETWEEN_LOOKS_SECONDS = 1.0
_REDIS_SECONDS = 3
"""Maximum seconds for one answer: a client can retry, and must not hang with Redis."""
_REDIS_RETRIES = 1
"""Retries of a command: one, for a connection that broke while it was idle."""


class Client:
    """All services of docfleet for its users.

    Every method may raise LedgerUnavailableError or StorageUnavailableError: try again later. A
    given tenant does not see the jobs of other tenants.

    Args:
        settings: The fleet's.
        ledger: Holds the jobs.
        store: Holds the documents and the results.
        submitter: Submits requests and drops as jobs.
        openai: Services behind the OpenAI-compatible routes.
        callback_secrets: Secrets that sign the callbacks of tenants' jobs.

    Attributes:
        dead_letters: Dead letters: listed, redriven, dropped.
        deletion: Deletion of jobs and documents.
        reviews: Reviews of results.
        endpoints: Endpoints of tenants, and deliveries to them.
        keyring: Keys of the HTTP API.
        audit: Writer of the audit log.
        audit_log: Reader of the audit log.
        observer: Reports changes of jobs.
        uploads: Documents that come over HTTP.
        catalogue: Tasks.
        adapters: Adapters of the registry.
    """

    def __init__(
        self,
        settings: FleetSettings,
        ledger: Ledger,
        store: S3Store,
        submitter: Submitter,
        openai: OpenAi,
        callback_secrets: CallbackSecrets,
    ) -> None:
        self.openai = openai
        self.callback_secrets = callback_secrets
        self.submitter = submitter
        self.store = store
        self._limits = settings.limits
        infer = (infer_queue(pool) for pool in settings.pools)
        self._queues = (PREPARE_QUEUE, *infer, BATCH_QUEUE, DELIVER_QUEUE)
        self._ledger = ledger
        bootstrap = settings.api_key
        self.audit_log = ledger.audit
        self.audit = AuditTrail(ledger.audit)
        self.keyring = Keyring(
            ledger.api_keys,
            self.audit,
            bootstrap_key=bootstrap.get_secret_value() if bootstrap else None,
        )
        self.observer = Observer(ledger.jobs)
        self.uploads = Uploads(settings, store)
        self.catalogue = Catalogue(submitter.tasks, submitter.scorecards)
        self.adapters = AdapterRegistry(settings, ledger, store, submitter.check_tasks, self.audit)
        self.dead_letters = DeadLetters(settings, ledger, store, submitter.check_tasks, self.audit)
        self.reviews = Reviews(settings, ledger, store, submitter.tasks, self.audit)
        self.deletion = Deletion(settings, ledger, store, self.audit)
        box = _secret_box(settings)
        self.endpoints = Endpoints(ledger, box, self.audit, settings.quota, settings.callbacks)

    async def submit(
        self,
        request: JobRequest,
        *,
        name: str | None = None,
        tenant: str = DEFAULT_TENANT,
        own_documents: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """Submit a request; see Submitter.submit."""
        job_id = await self.submitter.submit(
            request,
            name=name,
            tenant=tenant,
            own_documents=own_documents,
            idempotency_key=idempotency_key,
        )
        return await self.job(job_id)

    async def upload(self, path: Path) -> S3Uri:
        """Store a local file as a document; return its URI.

        Raises:
            DocumentFileError: The file is missing, empty, too large or unreadable.
        """
        data = await asyncio.to_thread(
            read_local_document, path, max_bytes=self._limits.document_bytes
        )
        return await self.submitter.upload(data, key_suffix(path))

    async def job(self, job_id: str, tenant: str | None = None) -> Job:
        """Return a job as it is now.

        Raises:
            UnknownJobError: There is no job with this id.
        """
        job = await self._ledger.job(job_id) if JOB_ID.fullmatch(job_id) else None
        if job is None or tenant not in {None, job.tenant}:
            raise UnknownJobError(f"there is no job {job_id}")
        return job

    async def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> Job:
        """Wait until a job has ended; return it.

        Args:
            job_id: The job's id.
            timeout_seconds: Maximum seconds to wait; None for no limit.

        Raises:
            UnknownJobError: There is no job with this id.
            WaitTimeoutError: The job had not ended when the time was up.
        """
        loop = asyncio.get_running_loop()
        give_up_at = None if timeout_seconds is None else loop.time() + timeout_seconds
        pause = _FIRST_LOOK_SECONDS
        while not (job := await self.job(job_id)).state.closed:
            if give_up_at is not None:
                pause = min(pause, give_up_at - loop.time())
            if pause <= 0:
                raise WaitTimeoutError(
                    f"{job_id} is still {job.state} after {timeout_seconds:g} s; it goes on", job
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _MOST_BETWEEN_LOOKS_SECONDS)
        return job

    async def result(self, job_id: str) -> JobResult:
        """Return a job's result; raise the errors of result_bytes."""
        return JobResult.model_validate_json(await self.result_bytes(job_id))

    async def result_bytes(self, job_id: str) -> bytes:
        """Return a job's result object as JSON; raise the errors of open_result."""
        download = await self.open_result(job_id)
        return b"".join([block async for block in download.blocks()])

    async def open_result(self, job_id: str, tenant: str | None = None) -> Download:
        """Begin to read a job's result object.

        Raises:
            UnknownJobError: There is no such job.
            NoResultError: The job has no result, or none yet.
        """
        job = await self.job(job_id, tenant)
        if job.result_uri is None:
            yet = "" if job.state.closed else " yet"
            raise NoResultError(f"{job_id} has no result{yet}: it is {job.state}", job)
        try:
            return await open_download(self.store, job.result_uri)
        except ObjectMissingError as error:
            raise NoResultError(f"{job.result_uri} was deleted from the bucket", job) from error

    async def cancel(self, job_id: str, tenant: str | None = None) -> Job:
        """Cancel a job; a running one stops when its worker hears of it.

        Raises:
            UnknownJobError: There is no such job.
            ClosedJobError: The job has already ended with another state.
        """
        await self.job(job_id, tenant)
        state = await self._ledger.cancel(job_id)
        job = await self.job(job_id)
        if state is not None and state.closed and state is not JobState.CANCELLED:
            raise ClosedJobError(f"{job_id} cannot be cancelled: it is {state}", job)
        return job

    async def jobs(
        self, which: JobFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[Job]:
        """Return one page of the jobs that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor of an earlier page.
        """
        return await self._ledger.jobs.page(which, after=after, limit=limit)

    async def depth(self) -> FleetDepth:
        """Return the depth of the queues."""
        return await self._ledger.depth()

    async def queues_without_workers(self) -> list[str]:
        """Return the queues of the fleet's roles and pools for which no live worker takes work."""
        live = await self._ledger.workers.live()
        return [queue for queue in self._queues if not live.get(queue)]

    async def check_access(self) -> None:
        """Check that Redis accepts our password; ignore a Redis that does not answer.

        Raises:
            SettingsError: Redis refuses it.
        """
        try:
            await self._ledger.check_access()
        except LedgerRefusedError as error:
            raise SettingsError(str(error)) from error

    async def close(self) -> None:
        """Close the connections."""
        await self.observer.close()
        await self._ledger.close()
        self.store.close()


def open_client(settings: FleetSettings) -> Client:
    """Return a client, which the caller has to close; it connects when needed.

    Args:
        settings: The fleet's. The object store is found as boto3 finds it.

    Raises:
        SettingsError: No Redis is named, or a task file is not valid.
    """
    if settings.redis_url is None:
        raise SettingsError("set DOCFLEET_REDIS_URL: the ledger lives in that Redis")
    tasks = load_tasks(settings.tasks_dir)
    ledger = Ledger(
        settings.redis_url.get_secret_value(), timeout=_REDIS_SECONDS, retries=_REDIS_RETRIES
    )
    store = S3Store()
    secrets = CallbackSecrets(
        ledger.callback_secrets, _secret_box(settings), AuditTrail(ledger.audit)
    )
    callbacks = CallbackRules(settings, secrets)
    return Client(
        settings,
        ledger,
        store,
        Submitter(
            settings, ledger, store, tasks, callbacks, load_scorecards(settings.tasks_dir, tasks)
        ),
        OpenAi(settings, ledger, store, tasks, callbacks),
        secrets,
    )


def _secret_box(settings: FleetSettings) -> SecretBox:
    encryption_keys = settings.encryption_keys
    return SecretBox(encryption_keys.get_secret_value() if encryption_keys else "")


@asynccontextmanager
async def connect(settings: FleetSettings) -> AsyncIterator[Client]:
    """Open a client for the length of a block; see open_client."""
    client = open_client(settings)
    try:
        yield client
    finally:
        await client.close()
