"""The walk through a document and the documents that it holds, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from workers.prepare.content import ENCRYPTED_OFFICE, sniff
from workers.prepare.formats.format import (
    Attachment,
    Format,
    Page,
    UnreadableError,
    UnsupportedContentError,
)

_DEPTH = 5
"""Documents inside one another that are read."""
_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and why it could not be read if it is an attachment that could not."""

    page: Page
    code: str = ""
    reason: str = ""


class Walk:
    """A walk through one document.

    Args:
        formats: What can be read, by what `content.sniff` says of it.
        max_pages: Most pages of all that it holds.
    """

    def __init__(self, formats: Mapping[str | None, Format], max_pages: int) -> None:
        self._formats = formats
        self._max_pages = max_pages
        self._pages = 0

    def format_of(self, data: bytes) -> Format:
        """Return the format of a document, by its content.

        Raises:
            UnsupportedContentError: There is none.
            UnreadableError: document.encrypted.
        """
        content = sniff(data)
        if content == ENCRYPTED_OFFICE:
            raise UnreadableError(
                "document.encrypted", "The Office file opens with a password only."
            )
        known = self._formats.get(content)
        if known is None:
            raise UnsupportedContentError(content or "plain text")
        return known

    def pages(self, data: bytes, known: Format) -> Iterator[Found]:
        """Yield the pages of a document; those of an attachment stand where it does.

        Raises:
            UnreadableError: The document itself cannot be read, or has too many pages.
            UnsupportedContentError: It turns out to be none of its format.
        """
        yield from self._read(data, known, part=None, depth=0)

    def _read(self, data: bytes, known: Format, part: str | None, depth: int) -> Iterator[Found]:
        for found in known.read(data, self._max_pages):
            if isinstance(found, Attachment):
                yield from self._attachment(found, _joined(part, found.name), depth + 1)
            else:
                yield self._counted(Found(replace(found, part=_joined(part, found.part))))

    def _attachment(self, attachment: Attachment, part: str | None, depth: int) -> Iterator[Found]:
        """Read an attachment; what cannot be read is an unread page with its name."""
        before = self._pages
        try:
            yield from self._readable(attachment, part, depth)
            if self._pages == before:
                raise UnreadableError("document.empty", "It holds nothing.")  # noqa: TRY301  # told as the others are
        except _TooManyPagesError:
            raise
        except UnreadableError as error:
            yield self._unread(part, error.code, str(error))
        except UnsupportedContentError as error:
            yield self._unread(part, "document.unsupported", f"It is {error.content}.")
        except RecursionError:
            yield self._unread(part, "document.corrupt", "It is nested too deeply.")
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # one attachment's defect is not that of the others
            yield self._unread(part, "worker.error", f"Its reader failed: {type(error).__name__}.")

    def _readable(self, attachment: Attachment, part: str | None, depth: int) -> Iterator[Found]:
        if depth > _DEPTH:
            raise UnreadableError(
                "document.too_large", f"It lies more than {_DEPTH} documents deep."
            )
        data = attachment.data()
        if not data:
            raise UnreadableError("document.empty", "It has 0 bytes.")
        yield from self._read(data, self.format_of(data), part, depth)

    def _unread(self, part: str | None, code: str, reason: str) -> Found:
        return self._counted(Found(Page("", "unread", part), code, reason))

    def _counted(self, found: Found) -> Found:
        self._pages += 1
        if self._pages > self._max_pages:
            raise _TooManyPagesError(
                "document.too_large", f"The document has more than {self._max_pages:,} pages."
            )
        return found


class _TooManyPagesError(UnreadableError):
    """The whole has too many pages, whichever of its documents they are in."""


def _joined(part: str | None, name: str | None) -> str | None:
    if name is None:
        return part
    shown = "".join(letter if letter.isprintable() else " " for letter in name)
    named = " ".join(shown.split())[-_NAME_CHARACTERS:] or "without a name"
    return named if part is None else f"{part}/{named}"
