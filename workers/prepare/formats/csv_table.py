"""Tables of values (CSV): each row in one line; a long table is several pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from workers.prepare.content import CSV, delimiter
from workers.prepare.formats.format import (
    Format,
    Page,
    UnreadableError,
)
from workers.prepare.formats.paging import cut_into_pages, row_text
from workers.prepare.formats.plain_text import load, text_of

_FIELD_CHARACTERS = 2**20
"""Characters of one value; a quote that is never closed makes one value of all the rest."""


def read(data: bytes, _max_pages: int) -> Iterator[Page]:
    """Read the rows, in pages of a few thousand characters.

    Raises:
        UnsupportedContentError: The bytes do not look like text.
        UnreadableError: document.corrupt.
    """
    text = text_of(data, otherwise="binary data with delimiters in it")
    csv.field_size_limit(_FIELD_CHARACTERS)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(data) or ",")
    try:
        yield from map(Page, cut_into_pages(row_text(row) for row in rows if any(row)))
    except csv.Error as error:
        raise UnreadableError(
            "document.corrupt", f"Row {rows.line_num:,} of the table is damaged."
        ) from error


FORMAT = Format(name="CSV", content=CSV, media_type="text/csv", load=load, read=read)
