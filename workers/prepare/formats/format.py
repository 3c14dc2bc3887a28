"""Interface of a document format to the reader's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


class UnreadableError(Exception):
    """The document cannot be read, for a reason that has a failure code.

    Args:
        code: A `document.*` failure code, as a plain word: the contract loads too slowly.
        message: What is wrong, without text of the document.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnsupportedContentError(Exception):
    """The document is none that docfleet reads.

    Args:
        content: What it is instead, as in "The document is an RTF document".
    """

    def __init__(self, content: str) -> None:
        super().__init__(content)
        self.content = content


class Picture(NamedTuple):
    """A page as an image: a byte of grey for each pixel, row by row."""

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Text of one page.

    Args:
        text: Its text.
        source: Origin of the text, a schemas.document.PageSource: `text`, `ocr` or `unread`.
        part: The attachment or archive member that it belongs to, if any.
        draw: Makes an image of an unread page, for OCR; None if it has none.
    """

    text: str
    source: str = "text"
    part: str | None = None
    draw: Callable[[], Picture] | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document in a document; its pages take its place.

    Args:
        name: Its name there.
        data: Gives its bytes. Raises UnreadableError.
    """

    name: str
    data: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of document and its reader; each module of this package has one, `FORMAT`.

    Args:
        name: What people call it, as in "docfleet reads PDF".
        content: What `content.sniff` says of such a document; None if nothing marks it.
        media_type: Its media type.
        load: Makes everything ready that `read` needs: imports, models, codecs. Runs once, before
            any document, with access to files. It must leave no thread behind.
        read: Reads a document's pages and attachments, given its bytes and the most pages. Runs
            locked down: it cannot open a file or import a module. Raises the two errors of this
            module.
        threads: How many threads `read` may start.
        room_bytes: Address space that `read` takes beyond `[limits] sandbox_memory_bytes`, such as
            the stacks and arenas of its threads.
    """

    name: str
    content: str | None
    media_type: str
    load: Callable[[], None]
    read: Callable[[bytes, int], Iterator[Page | Attachment]]
    threads: int = 0
    room_bytes: int = 0


def check_page_count(count: int, most: int) -> None:
    """Refuse a document with too many pages.

    Raises:
        UnreadableError: document.too_large.
    """
    if count > most:
        raise UnreadableError(
            "document.too_large", f"The document has {count:,} pages; the limit is {most:,}."
        )
