"""Measure the pages that prepare reads for each second of CPU, the sandbox included.

Documents are generated, so pages look alike: their text fills them. The CPU is that of the zygotes
and of the readers that they fork; what starting a zygote takes is measured by itself and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpdf import FPDF

from bench.readers import read_all
from bench.recognition import recognition_row
from bench.table import print_table, write_json
from corpus.render.scan import QUALITIES
from tests.fixtures.documents.office import cell, docx, paragraph, sheet, word_table, xlsx, zipped
from tests.fixtures.documents.outlook import compound, message

LINE = "Claim 4711-%03d  hail broke two skylights  paid 1,234.56  reserve 20,000.00  open"
LINES = 48
PAGES = (1, 8, 30)
"""Pages of a document, in each row of the table."""
_ROWS = [(LINE % number).split("  ") for number in range(8 * LINES)]
"""Rows of the documents of other formats: about eight printed pages."""


def pdf(pages: int) -> bytes:
    """Return a PDF whose pages are full of text."""
    made = FPDF()
    made.set_font("Helvetica", size=11)
    for _ in range(pages):
        made.add_page()
        made.multi_cell(0, 5, "\n".join(LINE % number for number in range(LINES)))
    return bytes(made.output())


def workbook() -> bytes:
    """Return a workbook of one sheet."""
    rows = (
        "".join(cell(f"{'ABCDE'[at]}{number}", text, "inlineStr") for at, text in enumerate(row))
        for number, row in enumerate(_ROWS, start=1)
    )
    return xlsx({"Losses": sheet(*rows)})


def page() -> bytes:
    """Return a page of HTML with a table."""
    rows = "".join("<tr><td>" + "<td>".join(row) for row in _ROWS)
    return f"<!DOCTYPE html><html><body><table>{rows}</table></body></html>".encode()


def transcript() -> bytes:
    """Return a transcript of a call."""
    turns = [{"speaker": "Agent", "text": " ".join(row), "start": 1.5} for row in _ROWS]
    return json.dumps(turns).encode()


_TEXT = "\n".join("  ".join(row) for row in _ROWS)
FORMATS: dict[str, Callable[[], bytes]] = {
    "PDF": lambda: pdf(8),
    "DOCX, paragraphs": lambda: docx("".join(paragraph(" ".join(row)) for row in _ROWS)),
    "DOCX, table": lambda: docx(word_table(*map(tuple, _ROWS))),
    "XLSX": workbook,
    "CSV": lambda: "\n".join(";".join(row) for row in _ROWS).encode(),
    "HTML": page,
    "EML": lambda: b"From: a@b.example\nMIME-Version: 1.0\n\n" + _TEXT.encode(),
    "MSG": lambda: compound(message(subject="Claim", body=_TEXT)),
    "JSON": transcript,
    "ZIP of a text": lambda: zipped({"a.txt": _TEXT}),
    "plain text": _TEXT.encode,
}


async def pages_row(pages: int, total: int) -> dict[str, Any]:
    """Measure PDFs of one length, of about `total` pages together."""
    documents = max(total // pages, 1)
    start = (await read_all([], None))[1]
    seconds = (await read_all([pdf(pages)] * documents, None))[1] - start
    return {
        "pages a document": pages,
        "documents": documents,
        "pages/s of CPU": pages * documents / seconds,
        "ms a document": 1000 * seconds / documents,
    }


async def format_row(name: str, documents: int) -> dict[str, Any]:
    """Measure documents of one format."""
    start = (await read_all([], None))[1]
    data = FORMATS[name]()
    seconds = (await read_all([data] * documents, None))[1] - start
    return {"format": name, "bytes": len(data), "ms a document": 1000 * seconds / documents}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=300, help="pages of each row of PDFs together")
    parser.add_argument("--documents", type=int, default=20, help="documents of each format")
    parser.add_argument("--scans", type=int, default=2, help="scans of each kind of the corpus")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    pages = [asyncio.run(pages_row(pages, options.pages)) for pages in PAGES]
    print_table("PDF pages with text", pages)
    formats = [asyncio.run(format_row(name, options.documents)) for name in FORMATS]
    print_table(f"Documents of {len(_ROWS)} rows", formats)
    scans = [asyncio.run(recognition_row(quality, options.scans)) for quality in QUALITIES]
    print_table("Scans, by OCR", scans)
    write_json(options.json, {"rows": pages, "formats": formats, "scans": scans})


if __name__ == "__main__":
    main()
