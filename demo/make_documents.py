"""The demo's documents, set from `documents.yaml`: the same bytes from the same content.

Run it after an edit: `python demo/make_documents.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from fpdf import FPDF
from fpdf.enums import XPos, YPos

HERE = Path(__file__).parent
CONTENT = HERE / "documents.yaml"
FOLDER = HERE / "documents"

_WRITTEN = datetime(2025, 7, 1, 9, 0, tzinfo=UTC)
"""Every PDF carries this date, or each run would make other bytes."""

_LINE_MM = 5.2
_LABEL_MM = 42
_NARROW_MM = 50
"""A value up to this width shares its line with the next field."""


def load_documents(path: Path = CONTENT) -> list[dict[str, Any]]:
    """The documents, each with `path`, what stands on it, and `truth`."""
    documents: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["documents"]
    return documents


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the file's content: a PDF, or UTF-8 text where the document has `lines`."""
    if "lines" in document:
        return f"{document['title']}\n\n{document['lines']}".encode()
    return bytes(_set_pages(document).output())


def write_documents(folder: Path = FOLDER) -> list[Path]:
    """Write each document below the folder; returns the paths in the file's order."""
    written = []
    for document in load_documents():
        path = folder / document["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document_bytes(document))
        written.append(path)
    return written


def _set_pages(document: Mapping[str, Any]) -> FPDF:
    pdf = FPDF(format="letter")
    pdf.set_creation_date(_WRITTEN)
    pdf.set_producer("docfleet demo")
    pdf.set_compression(False)  # readable in a diff, and no zlib version can change the bytes
    pdf.set_title(document["title"])
    pdf.set_margins(13, 14)
    pdf.set_auto_page_break(auto=True, margin=16)
    pdf.add_page()
    company, place = document["from"]
    _write_line(pdf, document["title"], style="B", size=15)
    pdf.ln(1)
    _write_line(pdf, company, style="B", size=11)
    _write_line(pdf, place, size=8)
    for block in document["blocks"]:
        pdf.ln(2)
        _set_block(pdf, block)
    return pdf


def _set_block(pdf: FPDF, block: Mapping[str, Any]) -> None:
    (kind, content), *_ = block.items()
    match kind:
        case "heading":
            _write_line(pdf, content, style="B", size=11)
        case "text":
            pdf.set_font("helvetica", size=10)
            pdf.multi_cell(0, _LINE_MM, content, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        case "fields":
            _set_fields(pdf, content)
        case "table":
            _set_table(pdf, content)
        case _:
            raise ValueError(f"{kind!r} is no block: take heading, text, fields or table")


def _write_line(pdf: FPDF, text: str, *, style: str = "", size: int = 10) -> None:
    pdf.set_font("helvetica", style, size)
    pdf.cell(0, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _set_fields(pdf: FPDF, fields: Sequence[Sequence[str]]) -> None:
    """Labels and values, one field a line as on a printed form."""
    for label, value in fields:
        pdf.set_font("helvetica", "B", 10)
        pdf.cell(_LABEL_MM, _LINE_MM, f"{label}:")
        pdf.set_font("helvetica", size=10)
        pdf.cell(0, _LINE_MM, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _set_table(pdf: FPDF, table: Mapping[str, Any]) -> None:
    _set_row(pdf, table["columns"], table["widths"], style="B")
    for row in table["rows"]:
        _set_row(pdf, row, table["widths"])


def _set_row(pdf: FPDF, cells: Sequence[str], widths: Sequence[float], *, style: str = "") -> None:
    pdf.set_font("helvetica", style, 9)
    for cell, width in zip(cells, widths, strict=True):
        pdf.cell(width, _LINE_MM, cell, border="B")
    pdf.ln(_LINE_MM)


if __name__ == "__main__":
    write_documents()
