"""PDF to page text, by PDFium."""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Iterator
from functools import partial

from workers.prepare.content import PDF
from workers.prepare.formats.format import Format, Page, Picture
from workers.prepare.formats.pdfium.document import PdfDocument
from workers.prepare.formats.pdfium.drawing import draw_page
from workers.prepare.formats.pdfium.library import load_pdfium, pdfium
from workers.prepare.formats.pdfium.marks import has_unread_marks

_ENCODING = "utf-16-le"
_HYPHEN_AT_LINE_END = "\ufffe"


def load() -> None:
    """Load PDFium.

    Raises:
        ModuleNotFoundError: The package pypdfium2 is not installed.
    """
    codecs.lookup(_ENCODING)
    load_pdfium()


def read(data: bytes, max_pages: int) -> Iterator[Page]:
    """Read the text of each page; a page that shows what its text does not give is unread.

    Raises:
        UnreadableError: The document is encrypted, damaged, too large or of an unsupported kind.
    """
    document = PdfDocument(data)
    document.check_page_count(max_pages)
    for index in range(document.pages):
        values = document.undrawn_values(index)  # Opening the page drops its fields.
        page = document.page(index)
        text = _page_text(page)
        if text is None:
            raise document.damaged(index)
        is_unread = has_unread_marks(page, text)
        pdfium().FPDF_ClosePage(page)
        whole = "\n".join(filter(None, (text, *values)))
        if is_unread:
            yield Page(whole, "unread", draw=partial(_draw, document, index))
        else:
            yield Page(whole)


def _draw(document: PdfDocument, index: int) -> Picture:
    page = document.page(index)
    picture = draw_page(page)
    pdfium().FPDF_ClosePage(page)
    return picture


def _page_text(page: int) -> str | None:
    """Return the text of a page; None if it cannot be read."""
    functions = pdfium()
    text_page = functions.FPDFText_LoadPage(page)
    count = functions.FPDFText_CountChars(text_page) if text_page else -1
    if count < 0:
        return None
    units = (ctypes.c_uint16 * (count + 1))()
    written = functions.FPDFText_GetText(text_page, 0, count, units) if count else 1
    text = bytes(memoryview(units)[: written - 1]).decode(_ENCODING, "replace")
    functions.FPDFText_ClosePage(text_page)
    # A form feed would look like the end of the page.
    return text.replace("\r\n", "\n").replace("\f", "\n").replace(_HYPHEN_AT_LINE_END, "-")


FORMAT = Format(name="PDF", content=PDF, media_type="application/pdf", load=load, read=read)
