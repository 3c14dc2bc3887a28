"""The stage `prepare`: bytes to page text, stored once, and the way to a pool."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from ledger.claim import Claim
from schemas.document import PageText, Prepared, S3Uri, bucket_and_key, uploaded_sha256
from schemas.failure import FailureCode
from schemas.job import JobSpec
from schemas.queues import PREPARE_QUEUE
from schemas.task import Task
from settings.fleet import FleetSettings
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore
from workers.errors import StageError
from workers.metrics import step
from workers.models.model_tokenizer import ModelTokenizer
from workers.objects import fetch_document, storage_failures
from workers.outcome import Advanced
from workers.page_text import load_page_text, page_text_uri, store_page_text
from workers.prepare.document import content_sha256, read_document
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox
from workers.routing import PoolLimits, choose_pool
from workers.task_lookup import known_tasks

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PoolTokens:
    """A pool's limits, and how its model counts."""

    limits: PoolLimits
    tokenizer: ModelTokenizer


class PrepareStage:
    """Reads documents in a sandbox, a few at a time."""

    queue = PREPARE_QUEUE
    engine = None

    def __init__(
        self,
        settings: FleetSettings,
        store: ObjectStore,
        tasks: Mapping[str, Task],
        pools: Sequence[PoolTokens],
    ) -> None:
        self._settings = settings
        self._store = store
        self._tasks = tasks
        self._pools = pools
        self.capacity = self.max_capacity = settings.prepare_concurrency
        self._readers = asyncio.Semaphore(self.capacity)
        self._sandbox = Sandbox(settings.sandbox.require)
        self._ocr = Ocr(settings.ocr, settings.sandbox.require) if settings.ocr.enabled else None

    async def start(self) -> None:
        """Start the sandbox, and say which of its layers work here.

        Raises:
            SettingsError: A required layer does not.
            SandboxStartError: It did not start.
        """
        await self._sandbox.start()
        if self._ocr is not None:
            await self._ocr.start()

    async def run(self, claim: Claim) -> Advanced:
        """See WorkerStage."""
        spec = claim.job
        tasks = known_tasks(spec.tasks, self._tasks, claim.versions)
        with step("fetch"):
            data = await fetch_document(
                self._store, spec.document, max_bytes=self._settings.limits.document_bytes
            )
        sha256 = await asyncio.to_thread(content_sha256, data)
        self._check_upload(spec.document.uri, sha256)
        with storage_failures():
            page_text, uri = await self._page_text(data, spec.tenant, sha256)
        pools = self._pools_for(spec, claim.pool)
        return await asyncio.to_thread(self._route, page_text, uri, tasks, pools)

    def _check_upload(self, uri: S3Uri, sha256: str) -> None:
        """Raise StageError where an uploaded document is not what its key says."""
        bucket, key = bucket_and_key(uri)
        uploaded = uploaded_sha256(key) if bucket == self._settings.work_bucket else None
        if uploaded not in {None, sha256}:
            raise StageError(
                FailureCode.DOCUMENT_CHANGED, f"{uri} has other bytes than were uploaded: {sha256}."
            )

    async def _page_text(self, data: bytes, tenant: str, sha256: str) -> tuple[PageText, str]:
        uri = page_text_uri(self._settings.work_bucket, tenant, sha256)
        try:
            with step("load"):
                kept = await load_page_text(self._store, uri)
        except ObjectMissingError:
            kept = None
        # Pages that could not be read then may be readable now, under other settings.
        if kept is not None and not kept.unread_pages:
            return kept, uri
        async with self._readers:
            with step("read"):
                page_text = await read_document(
                    data, self._settings.limits, self._sandbox, self._ocr, sha256=sha256
                )
        with step("store"):
            await store_page_text(self._store, uri, page_text)
        return page_text, uri

    def _pools_for(self, spec: JobSpec, wanted: str | None) -> Sequence[PoolTokens]:
        """Return the pools that may run a job; its adapters run on one base model only.

        Args:
            spec: The job.
            wanted: Queue of the pool that a redrive names; one that is gone is as if none were.

        Raises:
            StageError: `adapter.invalid`: none of them serves the base model of its adapters.
        """
        named = [pool for pool in self._pools if pool.limits.queue == wanted]
        pools = named or self._pools
        for pin in filter(None, spec.adapters.values()):
            pools = [pool for pool in pools if pool.limits.model == pin.base]
            if not pools:
                raise StageError(
                    FailureCode.ADAPTER_INVALID,
                    f"Adapter {pin.ref} runs on {pin.base}, which no pool for this job serves.",
                )
        return pools

    def _route(
        self, page_text: PageText, uri: str, tasks: Sequence[Task], pools: Sequence[PoolTokens]
    ) -> Advanced:
        text = page_text.text
        tokens = [pool.tokenizer.count(text) for pool in pools]
        chosen = choose_pool([pool.limits for pool in pools], tokens, tasks)
        prepared = Prepared(
            text_uri=uri,
            sha256=page_text.sha256,
            media_type=page_text.media_type,
            size=page_text.size,
            pages=len(page_text.pages),
            tokens=tokens[chosen],
            unread_pages=page_text.unread_pages,
        )
        log.info("prepared", pages=prepared.pages, tokens=prepared.tokens)
        return Advanced(pools[chosen].limits.queue, prepared)

    async def stop(self) -> None:
        """Kill the readers."""
        self._sandbox.stop()
        if self._ocr is not None:
            self._ocr.stop()
