"""A document: the bytes a customer sent, addressed by URI and by sha256."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.contract import Contract

_KEY_BYTES = 1024
"""S3 allows no longer key; what is not refused here fills the ledger."""
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")


def _s3_uri(value: str) -> str:
    bucket, key = bucket_and_key(value)
    if not value.startswith("s3://") or not bucket or not key.strip("/"):
        raise ValueError(f"{value!r} is not of the form s3://bucket/key")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r} is no bucket: its name has letters, digits, `.`, `-` and `_`")
    if "\0" in key or len(key.encode(errors="replace")) > _KEY_BYTES:
        raise ValueError(f"a key has {_KEY_BYTES:,} bytes at most, and no NUL")
    return value


S3Uri = Annotated[str, AfterValidator(_s3_uri)]
"""Where an object lies: `s3://bucket/key`, the key as S3 knows it, not percent-encoded."""


def bucket_and_key(uri: S3Uri) -> tuple[str, str]:
    """Split an S3 URI; the key may hold `?`, `#`, `%` and spaces."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


_UPLOADED = re.compile(r"documents/[^/]+/([0-9a-f]{64})(\.[a-z0-9]+)?")


def document_key(tenant: str, sha256: str, suffix: str) -> str:
    """Return the key of an uploaded document: the same bytes of the same tenant, the same key.

    Args:
        tenant: Whose it is.
        sha256: Of the bytes, in hex.
        suffix: Of the file's name, such as `.pdf`, or nothing.
    """
    return f"documents/{tenant}/{sha256}{suffix}"


def uploaded_sha256(key: str) -> str | None:
    """Return the sha256 that an uploaded document's key names; None for another key."""
    named = _UPLOADED.fullmatch(key)
    return named[1] if named else None


class DocumentRef(Contract):
    """Which bytes a job is about."""

    uri: S3Uri
    version: str | None = Field(
        default=None, description="What tells two uploads under one key apart, where it is known."
    )
    name: str | None = Field(default=None, description="The file name that the sender knows it by.")
    offset: int | None = Field(
        default=None, ge=0, description="Where it begins, in bytes, if it is a part of the object."
    )
    length: int | None = Field(
        default=None,
        ge=1,
        description="Bytes of that part, or of the whole object as it was accepted.",
    )
    etag: str | None = Field(
        default=None, description="Of the version that was accepted: no other is read."
    )
    version_id: str | None = Field(
        default=None, description="Of the version that was accepted, in a bucket with versions."
    )
    metadata: dict[str, str] = Field(
        default_factory=dict,
        description="The object's own metadata (`x-amz-meta-...`), and what a rule read from the"
        " key.",
    )

    def unversioned(self) -> DocumentRef:
        """Return the document as a sender names it, whichever version of it lies there."""
        length = self.length if self.offset is not None else None
        nothing = dict.fromkeys(("version", "etag", "version_id"))
        return self.model_copy(update={**nothing, "length": length, "metadata": {}})


class StoredDocument(Contract):
    """A document that was uploaded, and how to name it in a job."""

    uri: S3Uri
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=1, description="Bytes.")


class PageSource(StrEnum):
    """Origin of a page's text."""

    TEXT = "text"
    """The document's own text; a blank page counts."""
    OCR = "ocr"
    """Recognized in an image of the page."""
    UNREAD = "unread"
    """The page shows something that nothing could read; its text, if any, stands beside that."""


WordBox = tuple[int, int, float, float, float, float]
"""One word of a page: first character and the one after its last, then left, top, right and bottom
as fractions of the page's width and height, from the top left corner."""


class Page(Contract):
    """The text of one page and where it stands in the text of the whole document."""

    number: int = Field(ge=1)
    text: str
    start: int = Field(ge=0, description="Offset of the page's first character, in characters.")
    source: PageSource = PageSource.TEXT
    part: str | None = Field(
        default=None, description="The attachment or archive member that the page belongs to."
    )
    reason: str | None = Field(
        default=None,
        description="Why nothing could read the attachment that the page stands for: a failure "
        "code, and what is wrong.",
    )
    words: tuple[WordBox, ...] = Field(
        default=(), description="Where words stand on the page, where a reader knows it."
    )


class PageText(Contract):
    """Page text of a document, made by `prepare`; stored once per tenant and sha256."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    media_type: str
    size: int = Field(ge=0, description="Bytes.")
    pages: tuple[Page, ...] = Field(min_length=1)

    @property
    def text(self) -> str:
        """The text of all pages, separated by form feeds."""
        return "\f".join(page.text for page in self.pages)

    @property
    def unread_pages(self) -> tuple[int, ...]:
        """Numbers of the pages that nothing could read."""
        return tuple(page.number for page in self.pages if page.source is PageSource.UNREAD)

    @property
    def parts(self) -> dict[int, str]:
        """Attachments and archive members that pages belong to, by page number."""
        return {page.number: page.part for page in self.pages if page.part}


class Prepared(Contract):
    """Facts of a prepared document in the ledger: enough to route and to read it."""

    text_uri: S3Uri
    sha256: str
    media_type: str
    size: int = Field(ge=0, description="Bytes of the document.")
    pages: int = Field(ge=1)
    tokens: int = Field(ge=0, description="Tokens of the text, by the pool's own tokenizer.")
    unread_pages: tuple[int, ...] = Field(
        default=(), description="Numbers of the pages that nothing could read, from 1."
    )

    @property
    def pages_read(self) -> tuple[int, ...]:
        """Numbers of the pages that were read, from 1."""
        return tuple(n for n in range(1, self.pages + 1) if n not in set(self.unread_pages))
