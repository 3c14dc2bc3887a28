"""Downloads: objects on their way to a client, block by block."""

from __future__ import annotations

from collections.abc import AsyncIterator

from schemas.document import S3Uri
from storage.errors import StorageUnavailableError
from storage.objects import ObjectStore

_BLOCK_BYTES = 2**20


class Download:
    """An object that is read as its reader takes it.

    Args:
        store: Where the object lies.
        uri: Its place.
        size: Its bytes.
        first: Its first bytes, where they are read already.
        etag: The version that `first` belongs to; None for an object that is never replaced.
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
        """The object's bytes.

        Raises:
            ObjectMissingError: It was deleted meanwhile.
            StorageUnavailableError: The store does not answer, or another version lies there.
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
                # Before the last byte is sent: a reader never takes two halves for one object.
                raise StorageUnavailableError(f"{self._uri} was replaced while it was read")
            yield block

    async def _was_replaced(self) -> bool:
        return self._etag is not None and (await self._store.find(self._uri)).etag != self._etag


async def open_download(store: ObjectStore, uri: S3Uri) -> Download:
    """Begin to read an object; a small one is read by then.

    Args:
        store: Where it lies.
        uri: Its place.

    Raises:
        ObjectMissingError: No object lies there.
        StorageUnavailableError: The object store does not answer.
    """
    first = await store.get_range(uri, 0, _BLOCK_BYTES)
    if len(first) < _BLOCK_BYTES:
        return Download(store, uri, len(first), first=first)
    found = await store.find(uri)  # which may be another version: all of it is read from there on
    return Download(store, uri, found.size, etag=found.etag)
