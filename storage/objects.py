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
        size: Bytes; None where nobody said.
        version_id: In a bucket with versions, under which it stays when it is overwritten.
        metadata: What its writer put on it (`x-amz-meta-...`), where the store was asked for it.
    """

    etag: str
    size: int | None = None
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)


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
    """Whole objects by URI. Every method raises StorageUnavailableError when trying again helps.

    What was written is there when the method returns: the store is asked for it.
    """

    async def get(
        self, uri: S3Uri, *, max_bytes: int, version: ObjectVersion | None = None
    ) -> bytes:
        """The object's bytes.

        Args:
            uri: The object.
            max_bytes: More are not read.
            version: The only one that will do; None takes what lies there now.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectChangedError: Another version lies there.
            ObjectForbiddenError: The credentials do not allow it.
            ObjectTooLargeError: It has more than max_bytes; nothing of it was read.
        """

    async def read(
        self, uri: S3Uri, *, max_bytes: int, version: ObjectVersion | None = None
    ) -> StoredObject:
        """The object and its tag; raises what `get` raises."""

    async def head(self, uri: S3Uri, version_id: str | None = None) -> ObjectVersion:
        """The version that lies there now, or another one of a bucket with versions.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
        """

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

    async def find(self, uri: S3Uri, version_id: str | None = None) -> ObjectInfo:
        """Return the entry of one object in a listing.

        Args:
            uri: The object.
            version_id: A version of it, which may have been overwritten; None is the present one.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
        """

    async def tags(self, uri: S3Uri, version_id: str | None = None) -> Mapping[str, str]:
        """The object's tags.

        Args:
            uri: The object.
            version_id: A version of it; None is the present one.

        Raises:
            ObjectMissingError: No object lies there.
            ObjectForbiddenError: The credentials do not allow it.
        """
