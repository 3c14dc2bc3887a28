"""Form fields of a PDF page whose values no program has drawn."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

from workers.prepare.formats.pdfium.library import pdfium

_WIDGET = 20  # FPDF_ANNOT_WIDGET
_HIDDEN, _NO_VIEW = 2, 32  # FPDF_ANNOT_FLAG_...
_ENCODING = "utf-16-le"


def undrawn_values(page: int) -> Iterator[str]:
    """Yield the values of a page's visible fields that have no appearance.

    Args:
        page: PDFium's handle.
    """
    functions = pdfium()
    for index in range(functions.FPDFPage_GetAnnotCount(page)):
        field = functions.FPDFPage_GetAnnot(page, index)
        if not field:
            continue
        is_visible = not functions.FPDFAnnot_GetFlags(field) & (_HIDDEN | _NO_VIEW)
        is_drawn = functions.FPDFAnnot_HasKey(field, b"AP")
        if functions.FPDFAnnot_GetSubtype(field) == _WIDGET and is_visible and not is_drawn:
            value = _text(field).strip()
            if value:
                yield value
        functions.FPDFPage_CloseAnnot(field)


def _text(field: int) -> str:
    functions = pdfium()
    size = functions.FPDFAnnot_GetStringValue(field, b"V", None, 0)
    buffer = ctypes.create_string_buffer(size)
    functions.FPDFAnnot_GetStringValue(field, b"V", buffer, size)
    return buffer.raw.decode(_ENCODING, "replace").rstrip("\0")
