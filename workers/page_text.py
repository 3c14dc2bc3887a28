"""Page text in the work bucket: one object per document sha256."""

from __future__ import annotations

from pydantic import ValidationError

from schemas.document import PageText, S3Uri, bucket_and_key
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore

_READER_VERSION = "1"
"""Raised when the same bytes would be read differently, so that old text is not met again."""

_MAX_BYTES = 512 * 2**20


def page_text_uri(bucket: str, sha256: str) -> S3Uri:
    """Where the page text of a document lies."""
    return f"s3://{bucket}/text/v{_READER_VERSION}/{sha256}.json"


async def load_page_text(store: ObjectStore, uri: S3Uri) -> PageText:
    """Read page text.

    Raises:
        ObjectMissingError: There is none, or what is there is none of the document.
        StorageError: And what else ObjectStore.get raises.
    """
    data = await store.get(uri, max_bytes=_MAX_BYTES)
    try:
        page_text = PageText.model_validate_json(data)
    except ValidationError as error:
        raise ObjectMissingError(f"{uri} is no page text") from error
    if page_text_uri(bucket_and_key(uri)[0], page_text.sha256) != uri:
        raise ObjectMissingError(f"{uri} is the page text of another document")
    return page_text


async def store_page_text(store: ObjectStore, uri: S3Uri, page_text: PageText) -> None:
    """Write page text; the same document always has the same, so over another is right."""
    await store.put(uri, page_text.model_dump_json().encode(), media_type="application/json")
