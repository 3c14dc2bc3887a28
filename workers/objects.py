"""Errors of the object store as failures of a job: of its document, or of our own objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.document import DocumentRef
from schemas.failure import FailureCode
from storage.errors import (
    ObjectForbiddenError,
    ObjectMissingError,
    ObjectTooLargeError,
    StorageError,
    StorageUnavailableError,
)
from storage.objects import ObjectStore
from workers.errors import StageError

_DOCUMENT_CODES: dict[type[StorageError], FailureCode] = {
    ObjectMissingError: FailureCode.DOCUMENT_MISSING,
    ObjectForbiddenError: FailureCode.DOCUMENT_FORBIDDEN,
    ObjectTooLargeError: FailureCode.DOCUMENT_TOO_LARGE,
}


async def fetch_document(store: ObjectStore, document: DocumentRef, *, max_bytes: int) -> bytes:
    """The document's bytes: the whole object, or the part of it that the document is.

    Raises:
        StageError: It cannot be had: `document.missing`, `document.forbidden`,
            `document.too_large` or `storage.*`.
    """
    with own_objects():
        try:
            if document.offset is not None and document.length is not None:
                return await store.get_range(document.uri, document.offset, document.length)
            return await store.get(document.uri, max_bytes=max_bytes)
        except tuple(_DOCUMENT_CODES) as error:
            raise StageError(_DOCUMENT_CODES[type(error)], str(error)) from error


@contextmanager
def own_objects() -> Iterator[None]:
    """Turn the store's errors about docfleet's own objects into failures of the stage."""
    try:
        yield
    except StorageUnavailableError as error:
        raise StageError(FailureCode.STORAGE_UNAVAILABLE, str(error)) from error
    except StorageError as error:
        raise StageError(FailureCode.STORAGE_REFUSED, str(error)) from error
