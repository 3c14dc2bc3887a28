"""Files of the OpenAI-compatible routes: uploaded in parts, listed, downloaded and deleted."""

from __future__ import annotations

from typing import NamedTuple

from ledger.errors import LedgerFullError, TenantQuotaError
from ledger.ledger import Ledger
from ledger.openai.files import StoredFile
from producer.downloads import Download
from producer.openai.errors import not_found
from schemas.ids import RecordKind, record_kind
from schemas.openai.file import FilePurpose, FileSpec, file_key, new_file_id
from settings.fleet import FleetSettings
from storage.objects import ObjectStore, Upload

MEDIA_TYPE = "application/jsonl"


class Incoming(NamedTuple):
    """A file during its upload.

    Attributes:
        id: The id that it will have.
        upload: Takes its bytes.
    """

    id: str
    upload: Upload


class Files:
    """The files of all tenants.

    Args:
        settings: The fleet's.
        ledger: Holds the records.
        store: Holds the bytes.
    """

    def __init__(self, settings: FleetSettings, ledger: Ledger, store: ObjectStore) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = store

    def begin(self) -> Incoming:
        """Begin the upload of a file."""
        file_id = new_file_id()
        return Incoming(file_id, self._store.open_upload(self._uri(file_id), media_type=MEDIA_TYPE))

    def _uri(self, file_id: str) -> str:
        return f"s3://{self._settings.work_bucket}/{file_key(file_id)}"

    async def keep(
        self,
        incoming: Incoming,
        *,
        filename: str,
        purpose: FilePurpose,
        tenant: str,
        seconds: float | None,
        digest: str,
    ) -> StoredFile:
        """Create the record of a file whose bytes are all stored.

        Args:
            incoming: The uploaded file.
            filename: The owner's name for it.
            purpose: Purpose of the file.
            tenant: The owner of the file.
            seconds: Seconds for which it is kept; None for the fleet's default.
            digest: Digest of its bytes, under which a repeated upload finds it.
        """
        await incoming.upload.complete()
        spec = FileSpec(
            uri=self._uri(incoming.id),
            filename=filename,
            bytes=incoming.upload.size,
            purpose=purpose,
            tenant=tenant,
        )
        kept = seconds or self._settings.openai.file_seconds
        quota = self._settings.quota(tenant)
        try:
            await self._ledger.files.create(incoming.id, spec, kept, quota)
        except (LedgerFullError, TenantQuotaError):  # a refused request must leave nothing behind
            await self._store.delete(spec.uri)
            raise
        await self._ledger.posts.remember(tenant, digest, incoming.id)
        return await self.get(tenant, incoming.id)

    async def again(self, tenant: str, digest: str) -> StoredFile | None:
        """Return the file of the same upload, if it came a short while ago and still exists."""
        file_id = await self._ledger.posts.made(tenant, digest)
        return None if file_id is None else await self._ledger.files.get(file_id)

    async def get(self, tenant: str, file_id: str) -> StoredFile:
        """Return a file of a tenant.

        Raises:
            OpenAiError: There is no such file.
        """
        known = record_kind(file_id) is RecordKind.FILE
        file = await self._ledger.files.get(file_id) if known else None
        if file is None or file.tenant != tenant:
            raise not_found("file", file_id)
        return file

    async def page(
        self,
        tenant: str,
        *,
        purpose: FilePurpose | None,
        after: str | None,
        limit: int,
        newest_first: bool,
    ) -> list[StoredFile]:
        """Return one page of a tenant's files; see ledger.files.Files.page."""
        return await self._ledger.files.page(
            tenant, purpose=purpose, after=after, limit=limit, newest_first=newest_first
        )

    def download(self, file: StoredFile) -> Download:
        """Return the download of a file, block by block."""
        return Download(self._store, file.uri, file.bytes)

    async def delete(self, tenant: str, file_id: str) -> None:
        """Delete a file; a batch that reads it goes on.

        Raises:
            OpenAiError: There is no such file.
        """
        await self.get(tenant, file_id)
        await self._ledger.files.delete(file_id)
