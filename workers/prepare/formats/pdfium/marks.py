"""Marks on a PDF page that are not text: images and drawings, which may show text all the same."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass

from workers.prepare.formats.pdfium.library import pdfium

_PATH, _IMAGE, _FORM = 2, 3, 5  # FPDF_PAGEOBJ_...
_STAMP_CHARACTERS = 200
"""With fewer, blanks aside, the text may be a stamp or a fax header on a scanned page."""
_GARBLED = re.compile("[\x00-\x08\x0e-\x1f\ufffd\ue000-\uf8ff]")
"""Characters that a font without a table of its characters leaves."""
_PICTURE = 0.001
"""Share of the page that an image takes to be more than a dot."""
_SCAN = 0.5
"""Share of the page that images take to be the page itself."""
_DRAWING_SEGMENTS = 50
"""Lines and curves above which a drawing is more than rules and frames."""
_OUTLINED_SEGMENTS = 5_000
"""Lines and curves above which a drawing may be a page whose letters are outlines."""
_DEPTH = 8
"""Levels of nested drawings that are looked into."""


@dataclass(slots=True)
class _Marks:
    images: float = 0
    """Share of the page that they cover, counted double where they overlap."""
    segments: int = 0


def has_unread_marks(page: int, text: str) -> bool:
    """Tell whether a page shows something that its text does not give.

    Args:
        page: PDFium's handle.
        text: The page's own text.
    """
    letters = len("".join(text.split()))
    garbled = len(_GARBLED.findall(text))
    if garbled * 2 > letters:
        return True
    if letters >= _STAMP_CHARACTERS:
        return False
    marks = _marks(page)
    if letters:
        return marks.images > _SCAN or marks.segments > _OUTLINED_SEGMENTS
    return marks.images > _PICTURE or marks.segments > _DRAWING_SEGMENTS


def _marks(page: int) -> _Marks:
    functions = pdfium()
    box = (ctypes.c_float * 4)()  # left, top, right, bottom
    functions.FPDF_GetPageBoundingBox(page, box)
    left, top, right, bottom = box
    area = max((right - left) * (top - bottom), 1)
    marks = _Marks()
    for index in range(functions.FPDFPage_CountObjects(page)):
        mark = functions.FPDFPage_GetObject(page, index)
        kinds = set()
        for part in _parts(mark):
            kind = functions.FPDFPageObj_GetType(part)
            kinds.add(kind)
            if kind == _PATH:
                marks.segments += max(functions.FPDFPath_CountSegments(part), 0)
        if _IMAGE in kinds:
            x0, y0, x1, y1 = _bounds(mark)
            width = max(min(x1, right) - max(x0, left), 0)
            height = max(min(y1, top) - max(y0, bottom), 0)
            marks.images += width * height / area
    return marks


def _parts(mark: int, depth: int = 0) -> Iterator[int]:
    """Yield a mark, or what it is composed of."""
    functions = pdfium()
    if functions.FPDFPageObj_GetType(mark) != _FORM or depth == _DEPTH:
        yield mark
        return
    for index in range(functions.FPDFFormObj_CountObjects(mark)):
        yield from _parts(functions.FPDFFormObj_GetObject(mark, index), depth + 1)


def _bounds(mark: int) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top, in the page's own units."""
    values = [ctypes.c_float() for _ in range(4)]
    if not pdfium().FPDFPageObj_GetBounds(mark, *map(ctypes.byref, values)):
        return 0, 0, 0, 0
    left, bottom, right, top = (value.value for value in values)
    return left, bottom, right, top
