"""Protocol of an object store."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.document import S3Uri


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing."""

    uri: S3Uri
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object at a URI, and the tag that tells this version from any other."""

    data: bytes
    etag: str


class Upload(Protocol):
    """An object that is being written; nobody sees it before `complete`."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    async def write(self, data: bytes) -> None:
        """Add bytes; some of them are held back until a part is full."""

    async def complete(self) -> None:
        """Make the object."""

    async def abort(self) -> None:
        """Forget what was written; does nothing after `complete`."""


class ObjectStore(Protocol):
    """Whole objects by URI. Every method raises StorageUnavailableError when trying again helps."""

    async def get(self, uri: S3Uri, *, max_bytes: int) -> bytes:
        """The object's bytes.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
            ObjectTooLargeError: It has more than max_bytes; nothing of it was read.
        """

    async def read(self, uri: S3Uri, *, max_bytes: int) -> StoredObject:
        """The object and its tag; raises what `get` raises."""

    async def get_range(self, uri: S3Uri, offset: int, length: int) -> bytes:
        """A part of the object; shorter where the object ends before the part does.

        Args:
            uri: The object.
            offset: Of the first byte.
            length: Bytes, at least 1.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
        """

    def open_upload(self, uri: S3Uri, *, media_type: str) -> Upload:
        """An object that is written part by part, over another if there is one."""

    async def delete(self, uri: S3Uri) -> None:
        """Delete the object, if there is one."""

    async def put(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """Write the object, over another if there is one."""

    async def create(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """Write the object unless one lies there.

        Raises:
            ObjectExistsError: One lies there; it is unchanged.
        """

    async def replace(self, uri: S3Uri, data: bytes, *, etag: str, media_type: str) -> None:
        """Write over the version that has this tag.

        Raises:
            ObjectChangedError: Another lies there, or none; it is unchanged.
        """

    async def upload(self, uri: S3Uri, chunks: AsyncIterable[bytes], *, media_type: str) -> None:
        """Write an object as its bytes come, never holding more than a part of it in memory.

        Nothing lies there before the last byte has come; whatever the chunks raise is raised here,
        and what had been sent is given up.
        """

    async def move(self, source: S3Uri, target: S3Uri) -> None:
        """Give an object another name, over another object if there is one.

        Raises:
            ObjectMissingError: No object lies at the source.
        """

    async def abandon_uploads(self, bucket: str, *, prefix: str, before: datetime) -> int:
        """Take away what was uploaded, or half uploaded, before a time; gives how many.

        Args:
            bucket: Where.
            prefix: Under which nothing is meant to stay.
            before: What came later may still be wanted.
        """

    def list(self, bucket: str, *, prefix: str = "", after: str = "") -> AsyncIterator[ObjectInfo]:
        """The objects of a bucket, in the order of their keys, page by page.

        Args:
            bucket: Which one.
            prefix: How their keys start.
            after: Only those whose keys come after this one.
        """

    async def find(self, uri: S3Uri) -> ObjectInfo:
        """Return the entry of one object in a listing.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
        """

    async def tags(self, uri: S3Uri) -> Mapping[str, str]:
        """The object's tags.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
        """
