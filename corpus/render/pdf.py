"""PDF with text, by fpdf2."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Literal, cast

from fpdf import FPDF

from corpus.render.rendered import Places, Rendered
from corpus.sheet import (
    Block,
    FieldRow,
    Fields,
    FieldStyle,
    Heading,
    PageBreak,
    Paragraph,
    Sheet,
    Table,
    TableRow,
)

_FONTS = ("Helvetica", "Times", "Courier")
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
"""Written into each file, so that the same seed gives the same bytes."""
_SIZE, _LINE = 9.5, 5.0
_CELL_SIZE, _CELL_LINE = 7.0, 4.0
_LABEL_SHARE = 0.36
_WIDE_COLUMNS = 6
"""A table with more columns is set on pages that lie on their long side."""


def render_pdf(sheet: Sheet, dice: Random) -> Rendered:
    """Set a sheet as PDF."""
    page = _Setter(sheet, dice)
    for block in sheet.blocks:
        page.set(block)
    return Rendered(bytes(page.pdf.output()), ".pdf", page.pdf.page_no(), page.places.pages)


def _is_wide(sheet: Sheet) -> bool:
    tables = (block for block in sheet.blocks if isinstance(block, Table))
    return any(len(table.headers) > _WIDE_COLUMNS for table in tables)


class _Setter:
    """Sets blocks one below the other, and notes on which page values come to stand."""

    def __init__(self, sheet: Sheet, dice: Random) -> None:
        self.places = Places()
        self.pdf = FPDF(orientation="landscape" if _is_wide(sheet) else "portrait", format="letter")
        self.pdf.set_creation_date(_CREATED)
        self.pdf.set_auto_page_break(False)
        self._sheet = sheet
        self._font = dice.choice(_FONTS)
        self._cell_size = _CELL_SIZE
        self._begin()

    def set(self, block: Block) -> None:
        """Set one block."""
        match block:
            case PageBreak(pointer):
                if self.pdf.get_y() > self._top:
                    self._begin()
                self.places.note([pointer] if pointer else [], self.pdf.page_no())
            case Heading(text):
                self._room(3 * _LINE)
                self._write(text, size=_SIZE + 2.5, style="B")
            case Paragraph(text, pointers):
                self._room(self._height(text) + _LINE)
                self._write(text)
                self.places.note(pointers, self.pdf.page_no())
                self.pdf.ln(_LINE / 2)
            case Fields(rows, style):
                self._fields(rows, style)
                self.pdf.ln(_LINE / 2)
            case Table():
                self._table(block)

    def _begin(self) -> None:
        self.pdf.add_page()
        for row in self._sheet.running:
            self._write(f"{row.label}: {row.value}", size=_SIZE - 1.5)
            self.places.note(row.pointers, self.pdf.page_no())
        self._top = self.pdf.get_y()

    def _room(self, height: float) -> bool:
        """Begin a new page where less height is left; tell whether that was so."""
        if self.pdf.get_y() + height <= self.pdf.h - self.pdf.b_margin:
            return False
        self._begin()
        return True

    def _height(self, text: str) -> float:
        self.pdf.set_font(self._font, size=_SIZE)
        found = self.pdf.multi_cell(0, _LINE, text, dry_run=True, output="LINES")
        return len(cast("list[str]", found)) * _LINE

    def _write(self, text: str, *, size: float = _SIZE, style: str = "") -> None:
        self.pdf.set_font(self._font, style=style, size=size)
        self.pdf.multi_cell(0, _LINE, text, new_x="LMARGIN", new_y="NEXT", align="L")

    def _fields(self, rows: Sequence[FieldRow], style: FieldStyle) -> None:
        across = 2 if style is FieldStyle.PAIRS else 1
        for start in range(0, len(rows), across):
            self._room(2 * _LINE)
            self._field_line(rows[start : start + across], style)

    def _field_line(self, rows: Sequence[FieldRow], style: FieldStyle) -> None:
        self.pdf.set_font(self._font, size=_SIZE)
        for row in rows:
            self.places.note(row.pointers, self.pdf.page_no())
        if style in {FieldStyle.LINES, FieldStyle.PAIRS}:
            self._write("     ".join(f"{row.label}: {row.value}" for row in rows))
            return
        row = rows[0]
        if style is FieldStyle.DASHES:
            self._write(f"{row.label} - {row.value}")
            return
        width = self.pdf.epw * _LABEL_SHARE
        if style is FieldStyle.STACKED:
            self._write(row.label, size=_SIZE - 2)
            self._write(row.value or " ")
            return
        label = self._dotted(row.label, width) if style is FieldStyle.DOTS else row.label
        border: Literal[0, 1] = 1 if style is FieldStyle.BOXES else 0
        self.pdf.cell(width, _LINE, label, border=border)
        self.pdf.cell(0, _LINE, row.value, border=border, new_x="LMARGIN", new_y="NEXT")

    def _dotted(self, label: str, width: float) -> str:
        told = label.upper() + " "
        while self.pdf.get_string_width(told + "..") < width:
            told += "."
        return told

    def _table(self, table: Table) -> None:
        widths = self._widths(table)
        self._room(3 * _CELL_LINE)
        self._cells(table.headers, widths, style="B")
        for row in table.rows:
            if self._room((3 if row.note else 1) * _CELL_LINE):
                self._cells(table.headers, widths, style="B")
            self._row(row, widths)
        self.pdf.ln(_CELL_LINE)

    def _row(self, row: TableRow, widths: Sequence[float]) -> None:
        self._cells(row.cells, widths)
        if row.note:
            self.pdf.set_font(self._font, size=self._cell_size)
            self.pdf.multi_cell(0, _CELL_LINE, row.note, new_x="LMARGIN", new_y="NEXT", align="L")
        self.places.note(row.pointers, self.pdf.page_no())

    def _cells(self, cells: Sequence[str], widths: Sequence[float], style: str = "") -> None:
        self.pdf.set_font(self._font, style=style, size=self._cell_size)
        for cell, width in zip(cells, widths, strict=True):
            self.pdf.cell(width, _CELL_LINE, cell)
        self.pdf.ln(_CELL_LINE)

    def _widths(self, table: Table) -> list[float]:
        """Share the width by the widest cell of each column; a wide table gets a smaller font."""
        self.pdf.set_font(self._font, style="B", size=_CELL_SIZE)
        lines = [table.headers, *(row.cells for row in table.rows)]
        widest = [
            max(self.pdf.get_string_width(cell) for cell in column) + 3
            for column in zip(*lines, strict=True)
        ]
        self._cell_size = _CELL_SIZE * min(self.pdf.epw / sum(widest), 1.0)
        return [width * self._cell_size / _CELL_SIZE for width in widest]
