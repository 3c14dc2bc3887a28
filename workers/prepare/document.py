"""A document's bytes to its page text: what kind it is, who reads it, what is refused."""

from __future__ import annotations

import asyncio
import codecs
import hashlib

from schemas.document import Page, PageText
from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from workers.errors import StageError
from workers.prepare.sandbox import run_reader
from workers.prepare.sandbox_child import PDF, sniff

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f")) + b"\x7f"
_ASCII = bytes(range(32, 127)) + b"\t\n\r\f"
_MOST_CONTROLS = 0.01
"""Of a text's bytes; a stray one is no reason to refuse it."""
_LEAST_ASCII = 0.7
"""Of the bytes of a text in a Western encoding; noise and other alphabets have less."""


async def read_document(data: bytes, limits: LimitSettings) -> PageText:
    """Read a document's text, page by page.

    A PDF is read in a process of its own, which cancelling the caller ends; plain text is decoded
    here, a form feed beginning a new page.

    Args:
        data: The document; what it is, its content says.
        limits: What reading it may cost.

    Raises:
        StageError: A `document.*` code (empty, too_large, unsupported, encrypted, corrupt,
            no_text, exhausting), or `worker.*` where the document may not be at fault.
    """
    _check_size(len(data), limits)
    content = sniff(data)
    if content == PDF:
        media_type, pages = "application/pdf", await run_reader(data, limits)
    elif content is None:
        media_type, pages = "text/plain", _text_pages(data, limits)
    else:
        raise _unsupported(content)
    if not any(page.strip() for page in pages):
        raise StageError(
            FailureCode.DOCUMENT_NO_TEXT, f"The document has no text (pages read: {len(pages):,})."
        )
    return PageText(
        sha256=await asyncio.to_thread(_sha256, data),
        media_type=media_type,
        size=len(data),
        pages=_placed(pages),
    )


def decode_text(data: bytes) -> str | None:
    """Decode plain text: as its byte order mark says, else UTF-8, else Windows-1252 or Latin-1.

    Returns:
        The text without its byte order mark, or None if the bytes do not look like text.

    Raises:
        StageError: document.corrupt, if the bytes are not what their byte order mark says.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_marked(data, encoding)
    if _share(data, _CONTROLS) > _MOST_CONTROLS:
        return None
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            if _share(data, _ASCII) < _LEAST_ASCII:
                return None
    return None


def _decode_marked(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise StageError(
            FailureCode.DOCUMENT_CORRUPT,
            f"The document is marked as {encoding.removesuffix('-sig').upper()},"
            f" but from byte {error.start:,} of {len(data):,} it is not.",
        ) from error
    return None if _share(text.encode(), _CONTROLS) > _MOST_CONTROLS else text


def _share(data: bytes, of: bytes) -> float:
    return (len(data) - len(data.translate(None, of))) / max(len(data), 1)


def _text_pages(data: bytes, limits: LimitSettings) -> list[str]:
    text = decode_text(data)
    if text is None:
        raise _unsupported("binary data of no kind that docfleet knows")
    # Programs that write pages as text end the last page with a form feed, too.
    pages = text.replace("\r\n", "\n").removesuffix("\f").split("\f")
    if len(pages) > limits.pages:
        raise StageError(
            FailureCode.DOCUMENT_TOO_LARGE,
            f"The document has {len(pages):,} pages; the limit is {limits.pages:,}.",
        )
    return pages


def _check_size(size: int, limits: LimitSettings) -> None:
    if size == 0:
        raise StageError(FailureCode.DOCUMENT_EMPTY, "The document has 0 bytes.")
    if size > limits.document_bytes:
        raise StageError(
            FailureCode.DOCUMENT_TOO_LARGE,
            f"The document has {size:,} bytes; the limit is {limits.document_bytes:,}.",
        )


def _unsupported(content: str) -> StageError:
    return StageError(
        FailureCode.DOCUMENT_UNSUPPORTED,
        f"The document is {content}; docfleet reads PDF and plain text.",
    )


def _placed(pages: list[str]) -> tuple[Page, ...]:
    placed: list[Page] = []
    start = 0
    for number, text in enumerate(pages, start=1):
        placed.append(Page(number=number, text=text, start=start))
        start += len(text) + 1
    return tuple(placed)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
