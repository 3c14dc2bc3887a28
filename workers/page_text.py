"""Page text in the work bucket: one object for each tenant and each document sha256."""

from __future__ import annotations

from pydantic import ValidationError

from schemas.document import PageText, S3Uri
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore

_READER_VERSION = "4"
"""Raise this when the same bytes would be read differently, so that old text is not used again."""

_MAX_BYTES = 512 * 2**20


def page_text_uri(bucket: str, tenant: str, sha256: str) -> S3Uri:
    """Return the URI of a document's page text.

    Tenants do not share it: the time saved would tell one tenant that another has the same bytes.
    """
    return f"s3://{bucket}/text/v{_READER_VERSION}/{tenant}/{sha256}.json"


async def load_page_text(store: ObjectStore, uri: S3Uri) -> PageText:
    """Read page text.

    Raises:
        ObjectMissingError: There is none, or the object is no page text of the document.
        StorageError: The store failed otherwise; see ObjectStore.get.
    """
    data = await store.get(uri, max_bytes=_MAX_BYTES)
    try:
        page_text = PageText.model_validate_json(data)
    except ValidationError as error:
        raise ObjectMissingError(f"{uri} is no page text") from error
    if not uri.endswith(f"/{page_text.sha256}.json"):
        raise ObjectMissingError(f"{uri} is the page text of another document")
    return page_text


async def store_page_text(store: ObjectStore, uri: S3Uri, page_text: PageText) -> None:
    """Write page text; it may replace another, since the same document always has the same text."""
    await store.put(uri, page_text.model_dump_json().encode(), media_type="application/json")
