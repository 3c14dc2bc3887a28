"""PDF to page text, by PDFium.

Runs in the reader's process only: PDFium is not thread-safe and parses what strangers sent. One
process reads one document, so nothing is freed that the end of the process frees.
"""

from __future__ import annotations

import codecs
import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from workers.prepare.content import PDF
from workers.prepare.formats.format import Format, Page, UnreadableError, check_page_count

_HANDLE, _INT, _BYTES = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_FUNCTIONS = {
    "FPDF_InitLibraryWithConfig": (None, _HANDLE),
    "FPDF_GetLastError": (ctypes.c_ulong,),
    "FPDF_LoadMemDocument64": (_HANDLE, _BYTES, ctypes.c_size_t, _BYTES),
    "FPDF_DocumentHasValidCrossReferenceTable": (_INT, _HANDLE),
    "FPDF_GetFormType": (_INT, _HANDLE),
    "FPDF_GetPageCount": (_INT, _HANDLE),
    "FPDF_LoadPage": (_HANDLE, _HANDLE, _INT),
    "FPDF_ClosePage": (None, _HANDLE),
    "FPDFPage_Flatten": (_INT, _HANDLE, _INT),
    "FPDFText_LoadPage": (_HANDLE, _HANDLE),
    "FPDFText_ClosePage": (None, _HANDLE),
    "FPDFText_CountChars": (_INT, _HANDLE),
    "FPDFText_GetText": (_INT, _HANDLE, _INT, _INT, _HANDLE),
}
"""What is used of PDFium's public interface: the type of the result, then of each argument."""

_PASSWORD, _SECURITY = 4, 5  # FPDF_ERR_...
_FORM_NONE, _FORM_XFA_FULL = 0, 2  # FORMTYPE_...
_FLAT_NORMALDISPLAY, _FLATTEN_SUCCESS = 0, 1
_TAIL_BYTES = 1024  # where the specification wants a PDF's end mark
_ENCODING = "utf-16-le"
_HYPHEN_AT_LINE_END = "\ufffe"


class _Config(ctypes.Structure):
    """FPDF_LIBRARY_CONFIG, version 2."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("font_folders", ctypes.POINTER(ctypes.c_char_p)),
        ("isolate", ctypes.c_void_p),
        ("embedder_slot", ctypes.c_uint),
    )


class _Library:
    """PDFium, once it is loaded."""

    functions: ctypes.CDLL


def load() -> None:
    """Load PDFium, by the path of the library that the package pypdfium2 brings.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    found = importlib.util.find_spec("pypdfium2_raw")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the package pypdfium2 is not installed")
    pdfium = ctypes.CDLL(str(Path(found.origin).with_name("libpdfium.so")))
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(pdfium, name)
        function.restype, function.argtypes = result, arguments
    # No font folders: the system's fonts are for drawing, and listing them takes milliseconds.
    no_folders = (ctypes.c_char_p * 1)(None)
    codecs.lookup(_ENCODING)
    pdfium.FPDF_InitLibraryWithConfig(ctypes.byref(_Config(version=2, font_folders=no_folders)))
    _Library.functions = pdfium


def read(data: bytes, max_pages: int) -> Iterator[Page]:
    """Read the text of each page; a page without text is an empty string.

    Raises:
        UnreadableError: The document is encrypted, damaged, too large or of an unsupported kind.
    """
    pdfium = _Library.functions
    document = _open(pdfium, data)
    form = pdfium.FPDF_GetFormType(document)
    if form == _FORM_XFA_FULL:
        raise UnreadableError(
            "document.unsupported",
            "The document is an XFA form, whose pages are made by a program.",
        )
    count = pdfium.FPDF_GetPageCount(document)
    if count < 1:
        raise UnreadableError("document.corrupt", "The PDF has no pages.")
    check_page_count(count, max_pages)
    for index in range(count):
        page = _load_page(pdfium, document, index, count=count, fields=form != _FORM_NONE)
        text = _page_text(pdfium, page)
        if text is None:
            raise _damaged_page(index, count)
        yield Page(text)


def _open(pdfium: ctypes.CDLL, data: bytes) -> int:
    document: int | None = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
    if document is None:
        error = pdfium.FPDF_GetLastError()
        if error in {_PASSWORD, _SECURITY}:
            raise UnreadableError("document.encrypted", "The PDF opens with a password only.")
        raise UnreadableError(
            "document.corrupt",
            f"The document begins as a PDF, but its {len(data):,} bytes cannot be opened as one.",
        )
    # Without this, what is left of a truncated document would pass for all of it.
    mended = not pdfium.FPDF_DocumentHasValidCrossReferenceTable(document)
    if mended and b"%%EOF" not in data[-_TAIL_BYTES:]:
        raise UnreadableError(
            "document.corrupt", f"The PDF is cut off: its {len(data):,} bytes lack the end mark."
        )
    return document


def _load_page(pdfium: ctypes.CDLL, document: int, index: int, *, count: int, fields: bool) -> int:
    """Open a page; with `fields`, what is filled into a form becomes part of the page's text."""
    page: int | None = pdfium.FPDF_LoadPage(document, index)
    if page and fields and pdfium.FPDFPage_Flatten(page, _FLAT_NORMALDISPLAY) == _FLATTEN_SUCCESS:
        pdfium.FPDF_ClosePage(page)
        page = pdfium.FPDF_LoadPage(document, index)
    if page is None:
        raise _damaged_page(index, count)
    return page


def _page_text(pdfium: ctypes.CDLL, page: int) -> str | None:
    """The text of a page, which is closed; None if it cannot be read."""
    text_page = pdfium.FPDFText_LoadPage(page)
    count = pdfium.FPDFText_CountChars(text_page) if text_page else -1
    if count < 0:
        return None
    units = (ctypes.c_uint16 * (count + 1))()
    written = pdfium.FPDFText_GetText(text_page, 0, count, units) if count else 1
    text = bytes(memoryview(units)[: written - 1]).decode(_ENCODING, "replace")
    pdfium.FPDFText_ClosePage(text_page)
    pdfium.FPDF_ClosePage(page)
    # A form feed would look like the end of the page.
    return text.replace("\r\n", "\n").replace("\f", "\n").replace(_HYPHEN_AT_LINE_END, "-")


def _damaged_page(index: int, count: int) -> UnreadableError:
    return UnreadableError(
        "document.corrupt", f"Page {index + 1:,} of the PDF's {count:,} is damaged."
    )


FORMAT = Format(name="PDF", content=PDF, media_type="application/pdf", load=load, read=read)
