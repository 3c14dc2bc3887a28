"""Excel workbooks (XLSX): each sheet's rows as it shows them; a long sheet is several pages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from workers.prepare.content import EXCEL
from workers.prepare.formats.format import Attachment, Format, Page
from workers.prepare.formats.office.package import load_office
from workers.prepare.formats.office.workbook import Workbook
from workers.prepare.formats.paging import cut_into_pages, row_text


def read(data: bytes, _max_pages: int) -> Iterator[Page | Attachment]:
    """Read the sheets, each under its name, and the files that are embedded.

    Raises:
        UnreadableError: document.corrupt, document.encrypted or document.too_large.
    """
    workbook = Workbook(data)
    for sheet in workbook.sheets:
        lines = chain([sheet.name], map(row_text, workbook.rows(sheet)))
        yield from map(Page, cut_into_pages(lines))
    for name in workbook.package.below("xl/embeddings/"):
        yield workbook.package.attachment(name)


FORMAT = Format(
    name="Excel (XLSX)",
    content=EXCEL,
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    load=load_office,
    read=read,
)
