"""Page text in the work bucket: one object for each tenant and document sha256."""

from __future__ import annotations

from pydantic import ValidationError

from schemas.document import PageText, S3Uri
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore

_READER_VERSION = "4"
"""Raised when the same bytes would be read differently, so that old text is not met again."""

_MAX_BYTES = 512 * 2**20


def page_text_uri(bucket: str, tenant: str, sha256: str) -> S3Uri:
    """Return where the page text of a document lies.

    A tenant that met another's text would learn, by the time saved, that the other has the bytes.
    """
    return f"s3://{bucket}/text/v{_READER_VERSION}/{tenant}/{sha256}.json"


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
    if not uri.endswith(f"/{page_text.sha256}.json"):
        raise ObjectMissingError(f"{uri} is the page text of another document")
    return page_text


async def store_page_text(store: ObjectStore, uri: S3Uri, page_text: PageText) -> None:
    """Write page text; the same document always has the same, so over another is right."""
    await store.put(uri, page_text.model_dump_json().encode(), media_type="application/json")
