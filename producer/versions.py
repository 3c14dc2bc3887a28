"""Versions of documents: the version of a drop, and the version that a job reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC

from schemas.document import DocumentRef, S3Uri, bucket_and_key
from schemas.ids import derived_job_id
from storage.errors import ObjectForbiddenError, ObjectMissingError
from storage.objects import ObjectInfo, ObjectStore, ObjectVersion

_METADATA_CHARACTERS = 4_096
"""Maximum characters of an object's metadata, names included; entries beyond are left out."""


def dropped_job_id(drop: ObjectInfo) -> str:
    """Return the id of the job that one version of an object becomes."""
    return derived_job_id(*bucket_and_key(drop.uri), drop.etag, _modified(drop))


def same_bytes_job_id(tenant: str, tasks: Iterable[str], sha256: str) -> str:
    """Return the id of the one job that all drops with the same bytes become."""
    return derived_job_id("same bytes", tenant, sha256, *sorted(tasks))


def dropped_document(
    drop: ObjectInfo, version: ObjectVersion, name: str | None = None, *, with_metadata: bool
) -> DocumentRef:
    """Return a drop as a document.

    Args:
        drop: The object, as a listing shows it.
        version: The version that the job will read.
        name: The sender's file name.
        with_metadata: True when the object's own metadata is kept.
    """
    document = DocumentRef(uri=drop.uri, version=f"{drop.etag} {_modified(drop)}", name=name)
    return versioned(document, version, with_metadata=with_metadata)


def versioned(document: DocumentRef, version: ObjectVersion, *, with_metadata: bool) -> DocumentRef:
    """Return a document of which only this version may be read."""
    said = {
        "etag": version.etag,
        "length": version.size or None,
        "version_id": version.version_id,
        "metadata": _bounded(version.metadata) if with_metadata else {},
    }
    return document.model_copy(update=said)


def _bounded(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of an object's metadata that fit in the ledger; S3 allows 2 KB."""
    kept: dict[str, str] = {}
    room = _METADATA_CHARACTERS
    for name, text in sorted(metadata.items()):
        room -= len(name) + len(text)
        if room >= 0:
            kept[name] = text
    return kept


async def version_of(store: ObjectStore, drop: ObjectInfo) -> ObjectVersion | None:
    """Return the version of a drop that a job will read; None when it is gone.

    Raises:
        StorageError: The store does not answer.
    """
    listed = ObjectVersion(drop.etag, drop.size, drop.version_id)
    if drop.version_id is not None:
        return await _with_metadata(store, drop.uri, listed)
    try:
        version = await store.head(drop.uri)
        # A listing's ETag may differ from the object's; both stay the same until the object
        # changes.
        if version.etag != drop.etag and await store.find(drop.uri) != drop:
            return None
    except ObjectMissingError:
        return None
    except ObjectForbiddenError:
        return listed  # the job will report it
    return version


async def _with_metadata(store: ObjectStore, uri: S3Uri, version: ObjectVersion) -> ObjectVersion:
    """Return a version with its metadata, if the store allows it."""
    try:
        found = await store.head(uri, version.version_id)
    except (ObjectMissingError, ObjectForbiddenError):
        return version  # the job will report it
    return replace(version, metadata=found.metadata)


def _modified(drop: ObjectInfo) -> str:
    """Return the time to the second: listings may be no more precise, and the id must stay."""
    return drop.modified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
