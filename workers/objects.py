"""Errors of the object store, as failures of a job's document or of docfleet's own objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from schemas.document import DocumentRef, S3Uri
from schemas.failure import FailureCode
from storage.errors import (
    BadAnswerError,
    ObjectChangedError,
    ObjectForbiddenError,
    ObjectMissingError,
    ObjectTooLargeError,
    StorageError,
    StorageUnavailableError,
)
from storage.objects import ObjectStore, ObjectVersion
from workers.errors import StageError

_M = TypeVar("_M", bound=BaseModel)
_DOCUMENT_CODES: dict[type[StorageError], FailureCode] = {
    ObjectMissingError: FailureCode.DOCUMENT_MISSING,
    ObjectChangedError: FailureCode.DOCUMENT_CHANGED,
    ObjectForbiddenError: FailureCode.DOCUMENT_FORBIDDEN,
    ObjectTooLargeError: FailureCode.DOCUMENT_TOO_LARGE,
}


async def fetch_document(store: ObjectStore, document: DocumentRef, *, max_bytes: int) -> bytes:
    """Return the document's bytes: the version that was accepted, or a part of an object.

    Raises:
        StageError: The document cannot be read: `document.missing`, `document.changed`,
            `document.forbidden`, `document.too_large` or `storage.*`.
    """
    accepted = _accepted(document)
    with storage_failures():
        try:
            if document.offset is not None and document.length is not None:
                return await store.get_range(document.uri, document.offset, document.length)
            return await store.get(document.uri, max_bytes=max_bytes, version=accepted)
        except tuple(_DOCUMENT_CODES) as error:
            code = _DOCUMENT_CODES[type(error)]
            if accepted is not None and code is FailureCode.DOCUMENT_MISSING:
                code = FailureCode.DOCUMENT_CHANGED  # it existed when it was accepted
            raise StageError(code, str(error)) from error


def _accepted(document: DocumentRef) -> ObjectVersion | None:
    """Return the only version that may be read; None when the submit did not know it."""
    if document.etag is None:
        return None
    return ObjectVersion(document.etag, document.length, document.version_id)


def parsed(model: type[_M], data: bytes, uri: S3Uri) -> _M:
    """Read one of docfleet's own objects.

    Raises:
        BadAnswerError: The object is not what docfleet wrote.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise BadAnswerError(f"{uri} came as no {model.__name__}") from error


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn the store's errors about docfleet's own objects into failures of the stage."""
    try:
        yield
    except StorageUnavailableError as error:
        raise StageError(
            FailureCode.STORAGE_UNAVAILABLE, str(error), outage_seconds=error.outage_seconds
        ) from error
    except StorageError as error:
        raise StageError(FailureCode.STORAGE_REFUSED, str(error)) from error
