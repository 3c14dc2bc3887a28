"""Protocol of an object store."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from schemas.document import S3Uri


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing.

    Attributes:
        uri: Where it lies.
        size: Bytes.
        etag: Without quotes.
        modified_at: When it was written, to the second at least.
        version_id: Of the version that was asked for; a listing of present objects says none.
    """

    uri: S3Uri
    size: int
    etag: str
    modified_at: datetime
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, told from what lay and will lie under the same key.

    Attributes:
        etag: Without quotes.
        size: Bytes; None when unknown.
        version_id: Version id, in a bucket with versions; an overwritten version keeps it.
        metadata: Metadata of its writer (`x-amz-meta-...`), when asked for.
    """

    etag: str
    size: int | None = None
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object at a URI, and the tag of its version."""

    data: bytes
    etag: str


class Upload(Protocol):
    """An object that is being written, invisible until `complete`."""

    @property
    def size(self) -> int:
        """Return the bytes so far."""

    async def write(self, data: bytes) -> None:
        """Add bytes; they are sent when a part is full."""

    async def complete(self) -> None:
        """Make the object."""

    async def abort(self) -> None:
        """Forget the written bytes; do nothing after `complete`."""


class ObjectStore(Protocol):
    """Whole objects by URI. Every method raises StorageUnavailableError when a retry may help.

    A written object exists when the method returns: the store is asked for it.
    """

    async def get(
        self, uri: S3Uri, *, max_bytes: int, version: ObjectVersion | None = None
    ) -> bytes:
        """Return the object's bytes.

        Args:
            uri: The object.
            max_bytes: Maximum bytes.
            version: The only version that may be read; None for the present one.

        Raises:
            ObjectMissingError: There is no object.
            ObjectChangedError: Another version is there.
            ObjectForbiddenError: The credentials do not allow it.
            ObjectTooLargeError: The object has more than max_bytes; nothing of it was read.
        """

    async def read(
        self, uri: S3Uri, *, max_bytes: int, version: ObjectVersion | None = None
    ) -> StoredObject:
        """Return the object and its tag; raise the errors of `get`."""

    async def head(self, uri: S3Uri, version_id: str | None = None) -> ObjectVersion:
        """Return the present version, or another one of a bucket with versions.

        Raises:
            ObjectMissingError: There is no object.
            ObjectForbiddenError: The credentials do not allow it.
        """

    async def get_range(self, uri: S3Uri, offset: int, length: int) -> bytes:
        """Return a part of the object; it is shorter at the end of the object.

        Args:
            uri: The object.
            offset: Offset of the first byte.
            length: Number of bytes, at least 1.

        Raises:
            ObjectMissingError: There is no object.
            ObjectForbiddenError: The credentials do not allow it.
        """

    def open_upload(self, uri: S3Uri, *, media_type: str) -> Upload:
        """Return an object that is written part by part, over another if there is one."""

    async def delete(self, uri: S3Uri) -> None:
        """Delete the object, if there is one."""

    async def put(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """Write the object, over another if there is one."""

    async def create(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """Write the object unless there is one.

        Raises:
            ObjectExistsError: There is one; it is unchanged.
        """

    async def replace(self, uri: S3Uri, data: bytes, *, etag: str, media_type: str) -> None:
        """Replace the version with this tag.

        Raises:
            ObjectChangedError: There is another version, or none; nothing is changed.
        """

    async def upload(self, uri: S3Uri, chunks: AsyncIterable[bytes], *, media_type: str) -> None:
        """Write an object as its bytes arrive, with at most one part of it in memory.

        There is no object before the last byte has arrived. An error of the chunks is raised here,
        and the parts are removed.
        """

    async def move(self, source: S3Uri, target: S3Uri) -> None:
        """Rename an object, over another object if there is one.

        Raises:
            ObjectMissingError: There is no object at the source.
        """

    async def abandon_uploads(self, bucket: str, *, prefix: str, before: datetime) -> int:
        """Remove objects and unfinished uploads of before a time; return their number.

        Args:
            bucket: The bucket.
            prefix: Prefix of objects that are only temporary.
            before: Later objects may still be needed.
        """

    def list(self, bucket: str, *, prefix: str = "", after: str = "") -> AsyncIterator[ObjectInfo]:
        """Yield the objects of a bucket in the order of their keys, page by page.

        Args:
            bucket: The bucket.
            prefix: Prefix of their keys.
            after: Key after which the listing begins.
        """

    async def find(self, uri: S3Uri, version_id: str | None = None) -> ObjectInfo:
        """Return the entry of one object in a listing.

        Args:
            uri: The object.
            version_id: A version of it, which may be an old one; None for the present one.

        Raises:
            ObjectMissingError: There is no object.
            ObjectForbiddenError: The credentials do not allow it.
        """

    async def tags(self, uri: S3Uri, version_id: str | None = None) -> Mapping[str, str]:
        """Return the object's tags.

        Args:
            uri: The object.
            version_id: A version of it; None for the present one.

        Raises:
            ObjectMissingError: There is no object.
            ObjectForbiddenError: The credentials do not allow it.
        """
