"""Batches: created from a file, read and cancelled. The workers process their lines."""

from __future__ import annotations

from http import HTTPStatus

from ledger.errors import LedgerFullError, TenantQuotaError
from ledger.ledger import Ledger
from ledger.openai.batch_record import BatchRecord
from producer.callbacks.rules import CallbackRules
from producer.openai.errors import NO_RETRY, OpenAiError, not_found
from producer.openai.files import Files
from schemas.ids import RecordKind, record_kind
from schemas.openai.batch import (
    ENDED,
    BatchRequest,
    BatchSpec,
    BatchStatus,
    new_batch_id,
)
from schemas.openai.file import FilePurpose
from settings.fleet import FleetSettings


class Batches:
    """The batches of all tenants.

    Args:
        settings: The fleet's.
        ledger: Holds the batches.
        files: Their input files.
        callbacks: The rules for callbacks.
    """

    def __init__(
        self, settings: FleetSettings, ledger: Ledger, files: Files, callbacks: CallbackRules
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._files = files
        self._callbacks = callbacks

    async def create(self, request: BatchRequest, tenant: str, digest: str) -> BatchRecord:
        """Make a batch.

        Args:
            request: The file, the endpoint and the window.
            tenant: The owner of the batch.
            digest: Digest of the request, under which a repeated request finds the batch.

        Raises:
            OpenAiError: There is no such file, or it has another purpose.
            RequestError: The callback is not valid.
        """
        file = await self._files.get(tenant, request.input_file_id)
        if file.purpose is not FilePurpose.BATCH:
            raise OpenAiError(
                HTTPStatus.BAD_REQUEST,
                f"{file.id} has the purpose {file.purpose}; a batch reads one of purpose `batch`.",
                code="invalid_purpose",
                param="input_file_id",
            )
        callback = await self._callbacks.kept(tenant, request.callback)
        expiry = request.output_expires_after
        spec = BatchSpec(
            input_file_id=file.id,
            input_uri=file.uri,
            endpoint=request.endpoint,
            completion_window=request.completion_window,
            tenant=tenant,
            priority=request.priority,
            metadata=request.metadata or {},
            output_seconds=expiry.seconds if expiry else self._settings.openai.file_seconds,
            callback=callback,
        )
        batch_id = new_batch_id()
        # Remember first: a client without an answer retries, and must find the batch.
        await self._ledger.posts.remember(tenant, digest, batch_id)
        try:
            made = await self._ledger.batches.create(batch_id, spec, self._settings.quota(tenant))
        except (LedgerFullError, TenantQuotaError):  # a refused request must leave nothing behind
            await self._ledger.posts.forget(tenant, digest)
            raise
        if not made:
            raise not_found("file", file.id)
        return await self.get(tenant, batch_id)

    async def again(self, tenant: str, digest: str) -> BatchRecord | None:
        """Return the batch that the same request created a short while ago."""
        batch_id = await self._ledger.posts.made(tenant, digest)
        return None if batch_id is None else await self._ledger.batches.get(batch_id)

    async def get(self, tenant: str, batch_id: str) -> BatchRecord:
        """Return a batch of a tenant.

        Raises:
            OpenAiError: There is no such batch.
        """
        known = record_kind(batch_id) is RecordKind.BATCH
        batch = await self._ledger.batches.get(batch_id) if known else None
        if batch is None or batch.spec.tenant != tenant:
            raise not_found("batch", batch_id)
        return batch

    async def page(self, tenant: str, *, after: str | None, limit: int) -> list[BatchRecord]:
        """Return one page of a tenant's batches, the newest first."""
        return await self._ledger.batches.page(tenant, after=after, limit=limit)

    async def cancel(self, tenant: str, batch_id: str) -> BatchRecord:
        """Ask for the end of a batch; finished lines are kept.

        Raises:
            OpenAiError: There is no such batch, or it has already ended.
        """
        batch = await self.get(tenant, batch_id)
        status = batch.public().status
        if status in ENDED - {BatchStatus.CANCELLED}:
            raise OpenAiError(
                HTTPStatus.CONFLICT,
                f"{batch_id} cannot be cancelled: it is {status}.",
                code="batch_ended",
                headers=NO_RETRY,
            )
        await self._ledger.batches.end(batch_id, BatchStatus.CANCELLED)
        return await self.get(tenant, batch_id)
