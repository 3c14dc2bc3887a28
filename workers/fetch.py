"""Fetching a document: what the object store's errors mean for the job."""

from __future__ import annotations

from schemas.document import S3Uri
from schemas.failure import FailureCode
from storage.errors import (
    ObjectForbiddenError,
    ObjectMissingError,
    ObjectTooLargeError,
    StorageError,
)
from storage.objects import ObjectStore
from workers.errors import StageError

_CODES: dict[type[StorageError], FailureCode] = {
    ObjectMissingError: FailureCode.DOCUMENT_MISSING,
    ObjectForbiddenError: FailureCode.DOCUMENT_FORBIDDEN,
    ObjectTooLargeError: FailureCode.DOCUMENT_TOO_LARGE,
}


async def fetch_document(store: ObjectStore, uri: S3Uri, *, max_bytes: int) -> bytes:
    """The document's bytes.

    Raises:
        StageError: It cannot be had: `document.missing`, `document.forbidden`,
            `document.too_large` or `storage.unavailable`.
    """
    try:
        return await store.get(uri, max_bytes=max_bytes)
    except StorageError as error:
        code = _CODES.get(type(error), FailureCode.STORAGE_UNAVAILABLE)
        raise StageError(code, str(error)) from error
