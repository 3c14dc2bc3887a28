"""Image of a PDF page, for OCR."""

from __future__ import annotations

import ctypes

from workers.prepare.formats.format import Picture
from workers.prepare.formats.pdfium.library import pdfium

_DPI, _POINTS = 200, 72
_LONG_SIDE = 2_600
"""Most pixels of a side; a larger page is drawn smaller."""
_GREY = 1  # FPDFBitmap_Gray
_ANNOTATIONS, _IN_GREY = 0x01, 0x08  # FPDF_ANNOT, FPDF_GRAYSCALE
_WHITE = 0xFFFFFFFF


def draw_page(page: int) -> Picture:
    """Draw a page as it looks on paper.

    Args:
        page: PDFium's handle.
    """
    functions = pdfium()
    width, height = functions.FPDF_GetPageWidthF(page), functions.FPDF_GetPageHeightF(page)
    scale = min(_DPI / _POINTS, _LONG_SIDE / max(width, height, 1))
    across, down = max(int(width * scale), 1), max(int(height * scale), 1)
    bitmap = functions.FPDFBitmap_CreateEx(across, down, _GREY, None, 0)
    if not bitmap:
        raise MemoryError
    functions.FPDFBitmap_FillRect(bitmap, 0, 0, across, down, _WHITE)
    functions.FPDF_RenderPageBitmap(bitmap, page, 0, 0, across, down, 0, _ANNOTATIONS | _IN_GREY)
    stride = functions.FPDFBitmap_GetStride(bitmap)
    buffer = ctypes.string_at(functions.FPDFBitmap_GetBuffer(bitmap), stride * down)
    functions.FPDFBitmap_Destroy(bitmap)
    rows = (buffer[start : start + across] for start in range(0, stride * down, stride))
    return Picture(across, down, b"".join(rows))
