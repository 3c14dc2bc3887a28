"""Word documents (DOCX): paragraphs and tables in reading order, notes, headers and footers."""

from __future__ import annotations

from collections.abc import Iterator

from workers.prepare.content import WORD
from workers.prepare.formats.format import Attachment, Format, Page, UnreadableError
from workers.prepare.formats.office.package import OfficePackage, load_office
from workers.prepare.formats.office.word_body import WordBody, WordPage
from workers.prepare.formats.paging import cut_into_pages

_DOCUMENT = "word/document.xml"
_BEFORE, _BEHIND = ("header",), ("footnotes", "endnotes", "comments", "footer")
_FEW_LETTERS = 200
"""With fewer on a page, its images may be the page itself; see `pdfium/marks.py`."""


def read(data: bytes, _max_pages: int) -> Iterator[Page | Attachment]:
    """Read the pages as Word broke them last, and the files that are embedded.

    Raises:
        UnreadableError: document.corrupt, document.encrypted or document.too_large.
    """
    package = OfficePackage(data)
    body = WordBody()
    if not package.parse(_DOCUMENT, body.start, body.end, body.text):
        raise UnreadableError("document.corrupt", "The Word file has no document in it.")
    body.pages[0].lines[:0] = _beside(package, _BEFORE)
    body.pages[-1].lines.extend(_beside(package, _BEHIND))
    for page in body.pages:
        yield from map(Page, cut_into_pages(page.lines))
        yield from _images(package, page)
    for name in package.below("word/embeddings/"):
        yield package.attachment(name)


def _beside(package: OfficePackage, kinds: tuple[str, ...]) -> list[str]:
    """Return the lines of parts that belong to no page; what they have in common, once."""
    parts = {part: kind for kind, part in package.relations(_DOCUMENT).values()}
    lines: dict[str, None] = {}
    for kind in kinds:
        for part in (name for name, its_kind in parts.items() if its_kind == kind):
            body = WordBody()
            package.parse(part, body.start, body.end, body.text)
            lines |= dict.fromkeys(body.lines())
    return list(lines)


def _images(package: OfficePackage, page: WordPage) -> Iterator[Attachment]:
    if not page.images or sum(map(len, page.lines)) >= _FEW_LETTERS:
        return
    relations = package.relations(_DOCUMENT)
    parts = (relations[image].target for image in page.images if image in relations)
    for part in dict.fromkeys(parts):
        if part in package.below("word/"):
            yield package.attachment(part)


FORMAT = Format(
    name="Word (DOCX)",
    content=WORD,
    media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    load=load_office,
    read=read,
)
