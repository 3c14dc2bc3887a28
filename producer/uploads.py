"""Uploads: documents that come over HTTP, passed on to the object store as they arrive."""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import NamedTuple

from producer.errors import DocumentTooLargeError, RequestError
from producer.local_document import key_suffix
from schemas.document import StoredDocument, document_key
from settings.fleet import FleetSettings
from storage.errors import ObjectExistsError
from storage.objects import ObjectStore

_UNFINISHED = "uploads"
_WHOLE_BYTES = 2**20
"""Maximum bytes of a document that is stored with one request."""
_ABANDONED = timedelta(days=1)


class DocumentHead(NamedTuple):
    """Facts of a document that are known before its bytes arrive.

    Attributes:
        tenant: The owner of the document.
        name: The sender's file name.
        media_type: Media type that the sender gave; empty for none.
    """

    tenant: str
    name: str | None
    media_type: str = ""


class Uploads:
    """Store of the documents that come with their request.

    Args:
        settings: The fleet's.
        store: Stores the documents.
    """

    def __init__(self, settings: FleetSettings, store: ObjectStore) -> None:
        self._bucket = settings.work_bucket
        self._max_bytes = settings.limits.document_bytes
        self._store = store

    async def receive(self, head: DocumentHead, chunks: AsyncIterator[bytes]) -> StoredDocument:
        """Store a document as its bytes arrive.

        Args:
            head: Facts that are known before.
            chunks: Its bytes; an error that they raise is raised here, and nothing is kept.

        Raises:
            DocumentTooLargeError: The document has more bytes than limits.document_bytes.
            RequestError: The document is empty.
            StorageUnavailableError: The object store does not answer.
        """
        counted = _Counted(chunks, self._max_bytes)
        async with aclosing(counted.chunks()) as source:
            first = bytearray()
            async for chunk in source:
                first += chunk
                if len(first) > _WHOLE_BYTES:
                    return await self._stream(head, counted, _chain(bytes(first), source))
        return await self._put(head, counted, bytes(first))

    async def clean(self) -> int:
        """Remove the parts of uploads that were never completed; return their number."""
        before = datetime.now(UTC) - _ABANDONED
        return await self._store.abandon_uploads(
            self._bucket, prefix=f"{_UNFINISHED}/", before=before
        )

    async def _put(self, head: DocumentHead, counted: _Counted, data: bytes) -> StoredDocument:
        if not data:
            raise RequestError("the document has no bytes")
        document = self._document(head, counted)
        with suppress(ObjectExistsError):  # an object with this key has the same bytes
            await self._store.create(document.uri, data, media_type=_media_type(head))
        return document

    async def _stream(
        self, head: DocumentHead, counted: _Counted, chunks: AsyncIterator[bytes]
    ) -> StoredDocument:
        unfinished = f"s3://{self._bucket}/{_UNFINISHED}/{head.tenant}/{secrets.token_hex(16)}"
        await self._store.upload(unfinished, chunks, media_type=_media_type(head))
        document = self._document(head, counted)
        await self._store.move(unfinished, document.uri)
        return document

    def _document(self, head: DocumentHead, counted: _Counted) -> StoredDocument:
        sha256 = counted.digest.hexdigest()
        suffix = key_suffix(PurePath(head.name or ""))
        uri = f"s3://{self._bucket}/{document_key(head.tenant, sha256, suffix)}"
        return StoredDocument(uri=uri, sha256=sha256, size=counted.size)


class _Counted:
    """Chunks, with the count and digest of those that have passed."""

    def __init__(self, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes
        self.size = 0
        self.digest = hashlib.sha256()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the chunks; raise DocumentTooLargeError at the first byte too many."""
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise DocumentTooLargeError(
                    f"the document has more than {self._max_bytes:,} bytes (limits.document_bytes)"
                )
            self.digest.update(chunk)
            yield chunk


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _media_type(head: DocumentHead) -> str:
    guessed = mimetypes.guess_type(head.name or "")[0]
    return guessed or head.media_type or "application/octet-stream"
