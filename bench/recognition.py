"""OCR on the corpus: pages for each second of CPU, and errors by quality of the scan.

The truth of a scan is the text that the PDF has which was scanned. Errors count characters, and
blanks between words as one.
"""

from __future__ import annotations

from typing import Any

from rapidfuzz.distance import Levenshtein

from bench.readers import read_all
from corpus.document import PDF, make_document
from corpus.part import Part
from settings.sections.ocr import OcrSettings

_KINDS = (
    "fnol",
    "policy",
    "medical_bill",
    "police_report",
    "repair_estimate",
    "letter",
    "loss_run",
)
"""Of the corpus; those that are PDFs by themselves."""


async def recognition_row(quality: str, numbers: int) -> dict[str, Any]:
    """Read scans of a quality, so many of each kind; return the row of the table."""
    start = (await read_all([], OcrSettings()))[1]
    truths, _ = await read_all(_documents(PDF, numbers), None)
    found, seconds = await read_all(_documents(quality, numbers), OcrSettings())
    errors = [_errors(*pair) for pair in zip(truths, found, strict=True)]
    lengths = [sum(map(len, truth)) for truth in truths]
    shares = [wrong / length for wrong, length in zip(errors, lengths, strict=True)]
    pages = sum(map(len, found))
    return {
        "quality": quality,
        "documents": len(found),
        "pages": pages,
        "pages/s of CPU": pages / (seconds - start),
        "errors, %": 100 * sum(errors) / sum(lengths),
        "worst document, %": 100 * max(shares),
    }


def _documents(rendering: str, numbers: int) -> list[bytes]:
    return [
        make_document(Part.TRAIN, kind, number, rendering).file.data
        for kind in _KINDS
        for number in range(numbers)
    ]


def _errors(truth: list[str], found: list[str]) -> int:
    pairs = zip(truth, found, strict=True)
    return sum(Levenshtein.distance(_flat(one), _flat(other)) for one, other in pairs)


def _flat(text: str) -> str:
    return " ".join(text.split())
