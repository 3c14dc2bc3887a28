"""Page text of a document, made from its bytes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence

from schemas.document import Page, PageSource, PageText
from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from workers.errors import StageError
from workers.prepare.answer import ReadPage
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox


async def read_document(
    data: bytes,
    limits: LimitSettings,
    sandbox: Sandbox,
    ocr: Ocr | None = None,
    *,
    sha256: str | None = None,
) -> PageText:
    """Read a document's text, page by page, in a process of its own.

    Args:
        data: The document; its content says which format it has.
        limits: The maximum that reading it may cost.
        sandbox: Reads it.
        ocr: Reads the pages that have no text; None leaves them unread.
        sha256: The document's digest, when the caller knows it.

    Raises:
        StageError: A `document.*` code (empty, too_large, unsupported, encrypted, corrupt,
            no_text, exhausting), or `worker.*` where the document may not be at fault.
    """
    _check_size(len(data), limits)
    reading = await sandbox.read(data, limits)
    if ocr is not None:
        reading = await ocr.complete(data, reading, limits)
    _check_text(reading.pages)
    return PageText(
        sha256=sha256 or await asyncio.to_thread(content_sha256, data),
        media_type=reading.media_type,
        size=len(data),
        pages=_placed(reading.pages),
    )


def _check_size(size: int, limits: LimitSettings) -> None:
    if size == 0:
        raise StageError(FailureCode.DOCUMENT_EMPTY, "The document has 0 bytes.")
    if size > limits.document_bytes:
        raise StageError(
            FailureCode.DOCUMENT_TOO_LARGE,
            f"The document has {size:,} bytes; the limit is {limits.document_bytes:,}.",
        )


def _check_text(pages: Sequence[ReadPage]) -> None:
    read = [page for page in pages if page.source is not PageSource.UNREAD]
    if any(page.text.strip() for page in read):
        return
    reasons = {page.code: page.reason for page in pages if page.code}
    unread = len(pages) - len(read)
    # An archive of one encrypted file is an encrypted document.
    if len(reasons) == 1 and sum(bool(page.code) for page in pages) == len(pages):
        code, reason = reasons.popitem()
        raise StageError(FailureCode(code), f"Nothing in the document could be read. {reason}")
    raise StageError(
        FailureCode.DOCUMENT_NO_TEXT,
        f"The document has no text (pages: {len(pages):,}, of which {unread:,} show something"
        " that could not be read).",
    )


def _placed(pages: Iterable[ReadPage]) -> tuple[Page, ...]:
    placed: list[Page] = []
    start = 0
    for number, page in enumerate(pages, start=1):
        placed.append(
            Page(
                number=number,
                text=page.text,
                start=start,
                source=page.source,
                part=page.part,
                reason=f"{page.code}: {page.reason}" if page.code else None,
                words=page.words,
            )
        )
        start += len(page.text) + 1
    return tuple(placed)


def content_sha256(data: bytes) -> str:
    """Return the sha256 of a document's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
