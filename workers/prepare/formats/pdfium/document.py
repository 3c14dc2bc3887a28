"""An open PDF and its pages."""

from __future__ import annotations

from workers.prepare.formats.format import UnreadableError, check_page_count
from workers.prepare.formats.pdfium.library import pdfium

_PASSWORD, _SECURITY = 4, 5  # FPDF_ERR_...
_FORM_NONE, _FORM_XFA_FULL = 0, 2  # FORMTYPE_...
_FLAT_NORMALDISPLAY, _FLATTEN_SUCCESS = 0, 1
_TAIL_BYTES = 1024  # where the specification wants a PDF's end mark


class PdfDocument:
    """A PDF that PDFium has opened.

    Args:
        data: The whole file; it must live as long as this.

    Attributes:
        pages: How many pages it has.

    Raises:
        UnreadableError: The PDF is encrypted, damaged, without pages or of an unsupported kind.
    """

    def __init__(self, data: bytes) -> None:
        self._handle = _open(data)
        form = pdfium().FPDF_GetFormType(self._handle)
        if form == _FORM_XFA_FULL:
            raise UnreadableError(
                "document.unsupported",
                "The document is an XFA form, whose pages are made by a program.",
            )
        self._has_fields = form != _FORM_NONE
        self.pages: int = pdfium().FPDF_GetPageCount(self._handle)
        if self.pages < 1:
            raise UnreadableError("document.corrupt", "The PDF has no pages.")

    def check_page_count(self, most: int) -> None:
        """Refuse it if it has more pages."""
        check_page_count(self.pages, most)

    def page(self, index: int) -> int:
        """Open a page; what is filled into a form becomes part of it.

        Args:
            index: Counted from 0.

        Returns:
            PDFium's handle of the page.

        Raises:
            UnreadableError: document.corrupt.
        """
        functions = pdfium()
        page: int | None = functions.FPDF_LoadPage(self._handle, index)
        if (
            page
            and self._has_fields
            and functions.FPDFPage_Flatten(page, _FLAT_NORMALDISPLAY) == _FLATTEN_SUCCESS
        ):
            functions.FPDF_ClosePage(page)
            page = functions.FPDF_LoadPage(self._handle, index)
        if page is None:
            raise self.damaged(index)
        return page

    def damaged(self, index: int) -> UnreadableError:
        """Return the error that a page cannot be read."""
        return UnreadableError(
            "document.corrupt", f"Page {index + 1:,} of the PDF's {self.pages:,} is damaged."
        )


def _open(data: bytes) -> int:
    document: int | None = pdfium().FPDF_LoadMemDocument64(data, len(data), None)
    if document is None:
        error = pdfium().FPDF_GetLastError()
        if error in {_PASSWORD, _SECURITY}:
            raise UnreadableError("document.encrypted", "The PDF opens with a password only.")
        raise UnreadableError(
            "document.corrupt",
            f"The document begins as a PDF, but its {len(data):,} bytes cannot be opened as one.",
        )
    # Without this, what is left of a truncated document would pass for all of it.
    mended = not pdfium().FPDF_DocumentHasValidCrossReferenceTable(document)
    if mended and b"%%EOF" not in data[-_TAIL_BYTES:]:
        raise UnreadableError(
            "document.corrupt", f"The PDF is cut off: its {len(data):,} bytes lack the end mark."
        )
    return document
