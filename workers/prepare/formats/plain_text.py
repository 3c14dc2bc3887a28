"""Plain text to page text: which encoding it has, and where its pages end."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from workers.prepare.formats.format import (
    Format,
    Page,
    UnreadableError,
    UnsupportedContentError,
    check_page_count,
)

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENCODINGS = ("utf-8", "cp1252", "latin-1")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f")) + b"\x7f"
_ASCII = bytes(range(32, 127)) + b"\t\n\r\f"
_MOST_CONTROLS = 0.01
"""Of a text's bytes; a stray one is no reason to refuse it."""
_LEAST_ASCII = 0.7
"""Of the bytes of a text in a Western encoding; noise and other alphabets have less."""


def load() -> None:
    """Load the encodings: Python looks for their modules when it first meets them."""
    for encoding in (*(name for _, name in _BYTE_ORDER_MARKS), *_ENCODINGS):
        codecs.lookup(encoding)


def read(data: bytes, max_pages: int) -> Iterator[Page]:
    """Read the pages, which form feeds separate.

    Raises:
        UnsupportedContentError: The bytes do not look like text.
        UnreadableError: document.corrupt or document.too_large.
    """
    text = text_of(data, otherwise="binary data of no kind that docfleet knows")
    # Programs that write pages as text end the last page with a form feed, too.
    pages = text.replace("\r\n", "\n").removesuffix("\f").split("\f")
    check_page_count(len(pages), max_pages)
    return map(Page, pages)


def text_of(data: bytes, *, otherwise: str) -> str:
    """Decode plain text.

    Args:
        data: What should be text.
        otherwise: What the bytes are if they are no text.

    Raises:
        UnsupportedContentError: The bytes do not look like text.
        UnreadableError: document.corrupt, if the bytes are not what their byte order mark says.
    """
    text = decode_text(data)
    if text is None:
        raise UnsupportedContentError(otherwise)
    return text


def decode_text(data: bytes) -> str | None:
    """Decode plain text: as its byte order mark says, else UTF-8, else Windows-1252 or Latin-1.

    Returns:
        The text without its byte order mark, or None if the bytes do not look like text.

    Raises:
        UnreadableError: document.corrupt, if the bytes are not what their byte order mark says.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_marked(data, encoding)
    if _share(data, _CONTROLS) > _MOST_CONTROLS:
        return None
    for encoding in _ENCODINGS:
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
        raise UnreadableError(
            "document.corrupt",
            f"The document is marked as {encoding.removesuffix('-sig').upper()},"
            f" but from byte {error.start:,} of {len(data):,} it is not.",
        ) from error
    return None if _share(text.encode(), _CONTROLS) > _MOST_CONTROLS else text


def _share(data: bytes, of: bytes) -> float:
    return (len(data) - len(data.translate(None, of))) / max(len(data), 1)


FORMAT = Format(name="plain text", content=None, media_type="text/plain", load=load, read=read)
