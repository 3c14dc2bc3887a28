"""Plain text, with form feeds between pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap

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
)

_LINES = 58
_WIDTH = 96
_DOTS = 34
_SPREAD = 30
_GAP = "  "

Group = tuple[list[str], Sequence[str]]
"""Lines that stay on one page, and the pointers of the values in them."""


def render_text(sheet: Sheet) -> Rendered:
    """Set a sheet as text."""
    pages: list[list[str]] = [[]]
    places = Places()
    for block in sheet.blocks:
        if isinstance(block, PageBreak):
            _begin(pages, [])
            places.note([block.pointer] if block.pointer else [], len(pages))
            continue
        head = _table_head(block)
        for lines, pointers in _groups(block):
            if pages[-1] and len(pages[-1]) + len(lines) > _LINES:
                _begin(pages, head)
            if not pages[-1]:
                pages[-1] += _running(sheet, places, len(pages))
            pages[-1] += lines
            places.note(pointers, len(pages))
    text = "\f".join("\n".join(lines).rstrip() + "\n" for lines in pages)
    return Rendered(text.encode(), ".txt", len(pages), places.pages)


def _begin(pages: list[list[str]], head: list[str]) -> None:
    if pages[-1]:
        pages.append(list(head))


def _running(sheet: Sheet, places: Places, page: int) -> list[str]:
    for row in sheet.running:
        places.note(row.pointers, page)
    lines = [f"{row.label}: {row.value}" for row in sheet.running]
    return [*lines, ""] if lines else []


def _groups(block: Block) -> Iterator[Group]:
    match block:
        case Heading(text):
            yield [text, ""], ()
        case Paragraph(text, pointers):
            yield [*wrap(text, _WIDTH), ""], pointers
        case Fields(rows, style):
            yield from _fields(rows, style)
            yield [""], ()
        case Table():
            yield from _table(block)
            yield [""], ()


def _fields(rows: Sequence[FieldRow], style: FieldStyle) -> Iterator[Group]:
    if style is FieldStyle.PAIRS:
        for start in range(0, len(rows), 2):
            pair = rows[start : start + 2]
            pointers = [pointer for row in pair for pointer in row.pointers]
            yield [" | ".join(f"{row.label}: {row.value}" for row in pair)], pointers
        return
    for row in rows:
        yield [line.rstrip() for line in _field(row, style)], row.pointers


def _field(row: FieldRow, style: FieldStyle) -> list[str]:
    match style:
        case FieldStyle.DOTS:
            return [f"{row.label.upper() + ' ':.<{_DOTS}} {row.value}"]
        case FieldStyle.DASHES:
            return [f"{row.label} - {row.value}"]
        case FieldStyle.STACKED:
            return [row.label, f"{_GAP}{row.value}"]
        case FieldStyle.SPREAD | FieldStyle.BOXES:
            return [f"{row.label:<{_SPREAD}}{_GAP}{row.value}"]
        case _:
            return [f"{row.label}: {row.value}"]


def _widths(table: Table) -> list[int]:
    lines = [table.headers, *(row.cells for row in table.rows)]
    return [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _table_head(block: Block) -> list[str]:
    return [_line(block.headers, _widths(block))] if isinstance(block, Table) else []


def _table(table: Table) -> Iterator[Group]:
    widths = _widths(table)
    yield [_line(table.headers, widths)], ()
    for row in table.rows:
        note = [f"{_GAP}{row.note}"] if row.note else []
        yield [_line(row.cells, widths), *note], row.pointers
