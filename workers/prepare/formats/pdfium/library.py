"""PDFium, loaded by path from the package pypdfium2.

For a reader's process only: PDFium is not thread-safe and parses what strangers sent. One process
reads one document, so nothing is freed that the end of the process frees.
"""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

_HANDLE, _INT, _BYTES, _FLOATS = (
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_float),
)
_FUNCTIONS = {
    "FPDF_InitLibraryWithConfig": (None, _HANDLE),
    "FPDF_GetLastError": (ctypes.c_ulong,),
    "FPDF_LoadMemDocument64": (_HANDLE, _BYTES, ctypes.c_size_t, _BYTES),
    "FPDF_DocumentHasValidCrossReferenceTable": (_INT, _HANDLE),
    "FPDF_GetFormType": (_INT, _HANDLE),
    "FPDF_GetPageCount": (_INT, _HANDLE),
    "FPDF_LoadPage": (_HANDLE, _HANDLE, _INT),
    "FPDF_ClosePage": (None, _HANDLE),
    "FPDF_GetPageBoundingBox": (_INT, _HANDLE, _FLOATS),
    "FPDFPage_Flatten": (_INT, _HANDLE, _INT),
    "FPDFPage_GetAnnotCount": (_INT, _HANDLE),
    "FPDFPage_GetAnnot": (_HANDLE, _HANDLE, _INT),
    "FPDFPage_CloseAnnot": (None, _HANDLE),
    "FPDFAnnot_GetSubtype": (_INT, _HANDLE),
    "FPDFAnnot_GetFlags": (_INT, _HANDLE),
    "FPDFAnnot_HasKey": (_INT, _HANDLE, _BYTES),
    "FPDFAnnot_GetStringValue": (ctypes.c_ulong, _HANDLE, _BYTES, _HANDLE, ctypes.c_ulong),
    "FPDFPage_CountObjects": (_INT, _HANDLE),
    "FPDFPage_GetObject": (_HANDLE, _HANDLE, _INT),
    "FPDFPageObj_GetType": (_INT, _HANDLE),
    "FPDFPageObj_GetBounds": (_INT, _HANDLE, _FLOATS, _FLOATS, _FLOATS, _FLOATS),
    "FPDFPath_CountSegments": (_INT, _HANDLE),
    "FPDFFormObj_CountObjects": (_INT, _HANDLE),
    "FPDFFormObj_GetObject": (_HANDLE, _HANDLE, ctypes.c_ulong),
    "FPDF_GetPageWidthF": (ctypes.c_float, _HANDLE),
    "FPDF_GetPageHeightF": (ctypes.c_float, _HANDLE),
    "FPDF_RenderPageBitmap": (None, _HANDLE, _HANDLE, *[_INT] * 6),
    "FPDFBitmap_CreateEx": (_HANDLE, _INT, _INT, _INT, _HANDLE, _INT),
    "FPDFBitmap_FillRect": (_INT, _HANDLE, *[_INT] * 4, ctypes.c_ulong),
    "FPDFBitmap_GetBuffer": (_HANDLE, _HANDLE),
    "FPDFBitmap_GetStride": (_INT, _HANDLE),
    "FPDFBitmap_Destroy": (None, _HANDLE),
    "FPDFText_LoadPage": (_HANDLE, _HANDLE),
    "FPDFText_ClosePage": (None, _HANDLE),
    "FPDFText_CountChars": (_INT, _HANDLE),
    "FPDFText_GetText": (_INT, _HANDLE, _INT, _INT, _HANDLE),
}
"""What is used of PDFium's public interface: the type of the result, then of each argument."""


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

    functions: ctypes.CDLL | None = None


def load_pdfium() -> None:
    """Load PDFium; idempotent.

    Raises:
        ModuleNotFoundError: The package pypdfium2 is not installed.
    """
    if _Library.functions is not None:
        return
    found = importlib.util.find_spec("pypdfium2_raw")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the package pypdfium2 is not installed")
    functions = ctypes.CDLL(str(Path(found.origin).with_name("libpdfium.so")))
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(functions, name)
        function.restype, function.argtypes = result, arguments
    # No font folders: the system's fonts are for drawing, and listing them takes milliseconds.
    no_folders = (ctypes.c_char_p * 1)(None)
    functions.FPDF_InitLibraryWithConfig(ctypes.byref(_Config(version=2, font_folders=no_folders)))
    _Library.functions = functions


def pdfium() -> ctypes.CDLL:
    """Return PDFium's functions, which `load_pdfium` has loaded."""
    assert _Library.functions is not None  # noqa: S101  # a format's load() runs before its read()
    return _Library.functions
