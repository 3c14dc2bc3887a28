"""Pages of documents that have none of their own: sheets, tables, mails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_PAGE_CHARACTERS = 8_000
"""Characters of a page, about three printed ones; it ends at the end of a line."""


def cut_into_pages(lines: Iterable[str]) -> Iterator[str]:
    """Join lines to texts of pages; a line that is longer than a page is one by itself.

    Yields:
        At least one text.
    """
    page: list[str] = []
    size = 0
    for line in lines:
        if page and size + len(line) > _PAGE_CHARACTERS:
            yield "\n".join(page)
            page, size = [], 0
        page.append(line)
        size += len(line) + 1
    yield "\n".join(page)


def row_text(cells: Iterable[str]) -> str:
    """Write a table's row in one line: its cells from left to right, between bars."""
    # A form feed or a line end in a cell would tear the row apart.
    return " | ".join(" ".join(cell.split()) for cell in cells).rstrip(" |")
