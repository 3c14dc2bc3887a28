"""Downloads: objects that are sent to a client block by block."""

from __future__ import annotations

from collections.abc import AsyncIterator

from schemas.document import S3Uri
from storage.errors import StorageUnavailableError
from storage.objects import ObjectStore

_BLOCK_BYTES = 2**20


class Download:
    """An object that is read as fast as its reader takes it.

    Args:
        store: Holds the object.
        uri: The object's URI.
        size: Its size in bytes.
        first: Its first bytes, if they are already read.
        etag: The version of `first`; None for an object that is never replaced.
    """

    def __init__(
        self,
        store: ObjectStore,
        uri: S3Uri,
        size: int,
        *,
        first: bytes = b"",
        etag: str | None = None,
    ) -> None:
        self.size = size
        self._store = store
        self._uri = uri
        self._first = first
        self._etag = etag

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield the object's bytes.

        Raises:
            ObjectMissingError: The object was deleted meanwhile.
            StorageUnavailableError: The store does not answer, or the object was replaced.
        """
        sent = len(self._first)
        if self._first:
            yield self._first
        while sent < self.size:
            block = await self._store.get_range(
                self._uri, sent, min(_BLOCK_BYTES, self.size - sent)
            )
            sent += len(block)
            if not block or (sent >= self.size and await self._was_replaced()):
                # Check before the last byte is sent: a reader must not take halves of two versions
                # for one object.
                raise StorageUnavailableError(f"{self._uri} was replaced while it was read")
            yield block

    async def _was_replaced(self) -> bool:
        return self._etag is not None and (await self._store.find(self._uri)).etag != self._etag


async def open_download(store: ObjectStore, uri: S3Uri) -> Download:
    """Begin to read an object; a small one is read completely.

    Args:
        store: Holds the object.
        uri: The object's URI.

    Raises:
        ObjectMissingError: There is no object.
        StorageUnavailableError: The object store does not answer.
    """
    first = await store.get_range(uri, 0, _BLOCK_BYTES)
    if len(first) < _BLOCK_BYTES:
        return Download(store, uri, len(first), first=first)
    found = await store.find(uri)  # it may be another version, so read all of it from there
    return Download(store, uri, found.size, etag=found.etag)
