"""Versions of documents: which one a drop is, and which one a job is to read."""

from __future__ import annotations

from datetime import UTC

from schemas.document import DocumentRef, bucket_and_key
from schemas.ids import derived_job_id
from storage.errors import ObjectForbiddenError, ObjectMissingError
from storage.objects import ObjectInfo, ObjectStore, ObjectVersion


def dropped_job_id(drop: ObjectInfo) -> str:
    """Return the id of the job that one version of an object becomes."""
    return derived_job_id(*bucket_and_key(drop.uri), drop.etag, _modified(drop))


def dropped_document(
    drop: ObjectInfo, version: ObjectVersion, name: str | None = None
) -> DocumentRef:
    """Return a drop as a document.

    Args:
        drop: As a listing knows it.
        version: The same, as it is to be read.
        name: The file name that a sender knows it by.
    """
    document = DocumentRef(uri=drop.uri, version=f"{drop.etag} {_modified(drop)}", name=name)
    return versioned(document, version)


def versioned(document: DocumentRef, version: ObjectVersion) -> DocumentRef:
    """Return a document of which this version is to be read, and no other."""
    length = version.size or None
    said = {"etag": version.etag, "length": length, "version_id": version.version_id}
    return document.model_copy(update=said)


async def version_of(store: ObjectStore, drop: ObjectInfo) -> ObjectVersion | None:
    """Return the version that a drop is, as it is to be read; None where it is gone.

    Raises:
        StorageError: The store does not say.
    """
    listed = ObjectVersion(drop.etag, drop.size, drop.version_id)
    if drop.version_id is not None:
        return listed
    try:
        version = await store.head(drop.uri)
        # The ETag of a listing need not be that of the object; both stay while that does.
        if version.etag != drop.etag and await store.find(drop.uri) != drop:
            return None
    except ObjectMissingError:
        return None
    except ObjectForbiddenError:
        return listed  # the job will say so
    return version


def _modified(drop: ObjectInfo) -> str:
    """To the second: a listing need not say more, and must not say another thing each time."""
    return drop.modified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
