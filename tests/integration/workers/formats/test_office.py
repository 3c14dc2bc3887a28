"""Word and Excel files: their text in reading order, page by page."""

from __future__ import annotations

import pytest

from settings.sections.limits import LimitSettings
from tests.fixtures.documents.office import (
    cell,
    docx,
    paragraph,
    sheet,
    word_part,
    word_table,
    xlsx,
    zipped,
)
from tests.fixtures.documents.pages import encoded, scan
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox

LIMITS = LimitSettings()
BREAK = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'


async def test_a_word_files_paragraphs_and_tables_stand_in_reading_order(sandbox: Sandbox) -> None:
    """A table's row is one line, a cell's paragraphs and an inner table stay in their cell."""
    inner = word_table(("x", "y"))
    nested = f"<w:tbl><w:tr><w:tc>{paragraph('in')}{inner}</w:tc><w:tc/></w:tr></w:tbl>"
    body = (
        paragraph("Claim 4711")
        + word_table(("Date", "Paid"), ("2025-02-03", "1,234.56"))
        + nested
        + paragraph("Zoë & Bo\tdone", "<w:tab/>")
    )
    read = await read_document(docx(body), LIMITS, sandbox)
    assert read.text.split("\n") == [
        "Claim 4711",
        "Date | Paid",
        "2025-02-03 | 1,234.56",
        "in x | y",
        "\tZoë & Bo\tdone",
    ]
    assert read.media_type.endswith("wordprocessingml.document")


async def test_word_pages_end_where_word_ended_them(sandbox: Sandbox) -> None:
    """Once for a break and the mark that Word set because of it."""
    mark = "<w:lastRenderedPageBreak/>"
    body = paragraph("one") + BREAK + paragraph("two", mark) + paragraph("three", mark)
    read = await read_document(docx(body), LIMITS, sandbox)
    assert [page.text for page in read.pages] == ["one", "two", "three"]


async def test_headers_footers_and_notes_are_read_and_what_was_deleted_is_not(
    sandbox: Sandbox,
) -> None:
    """The header begins the first page, the others end the last."""
    deleted = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    field = "<w:p><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    parts = {
        "word/header1.xml": word_part(paragraph("Policy HO-3"), "hdr"),
        "word/footer1.xml": word_part(paragraph("Page"), "ftr"),
        "word/footnotes.xml": word_part(paragraph("see 7b"), "footnotes"),
    }
    data = docx(
        paragraph("Claim") + deleted + field,
        parts,
        a="header:header1.xml",
        b="footer:footer1.xml",
        c="footnotes:/word/footnotes.xml",
    )
    read = await read_document(data, LIMITS, sandbox)
    assert read.text.split("\n") == ["Policy HO-3", "Claim", "see 7b", "Page"]


async def test_what_is_there_twice_for_older_programs_is_read_once(sandbox: Sandbox) -> None:
    """A text box has a second form that only programs of before 2010 show."""
    box = f"<w:r><w:t>before</w:t></w:r><w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    body = (
        f"<w:p><mc:AlternateContent><mc:Choice>{box}</mc:Choice>"
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:p>"
    )
    assert (await read_document(docx(body), LIMITS, sandbox)).text.split() == ["before", "boxed"]


async def test_an_image_that_is_a_word_files_page_is_not_lost(sandbox: Sandbox) -> None:
    """Beside a page of text it is not looked at, as in a PDF."""
    blip = '<w:p><w:r><w:drawing><a:blip r:embed="i"/></w:drawing></w:r></w:p>'
    parts = {"word/media/scan.png": encoded(scan("Claim 4711", size=(620, 877)))}
    few = await read_document(
        docx(paragraph("A letter") + blip, parts, i="image:media/scan.png"), LIMITS, sandbox
    )
    assert [(page.part, page.source) for page in few.pages] == [
        (None, "text"),
        ("scan.png", "unread"),
    ]
    many = await read_document(
        docx(paragraph("A letter " * 50) + blip, parts, i="image:media/scan.png"), LIMITS, sandbox
    )
    assert many.unread_pages == ()


async def test_a_workbook_is_read_as_its_cells_show_it(sandbox: Sandbox) -> None:
    """Dates, decimals, leading zeros; sheets in order, each under its name; no formula."""
    formats = ("yyyy-mm-dd", "#,##0.00", "00000", "0.0%", "m/d/yyyy h:mm", '"$"#,##0.00', "[h]:mm")
    rows = (
        cell("A1", "0", "s") + cell("C1", "Zoë <b>", "inlineStr"),
        cell("A2", "45336", style=1) + cell("B2", "1234.5", style=2) + cell("C2", "601", style=3),
        cell("A3", "0.125", style=4) + cell("B3", "45336.75", style=5) + cell("C3", "1", "b"),
        cell("A4", "-0.5", style=6) + cell("B4", "0.30000000000000004") + cell("C4", "1.5", "n", 7),
        '<c r="A5" t="str"><f>A1&amp;B2</f><v>joined</v></c>' + cell("B5", "#REF!", "e"),
    )
    strings = ("<si><r><t>Paid</t></r><r><t> out</t></r><rPh><t>x</t></rPh></si>",)
    data = xlsx({"Losses": sheet(*rows), "Empty": sheet()}, strings=strings, formats=formats)
    read = await read_document(data, LIMITS, sandbox)
    assert [page.text.split("\n") for page in read.pages] == [
        [
            "Losses",
            "Paid out |  | Zoë <b>",
            "2024-02-14 | 1,234.50 | 00601",
            "12.5% | 2024-02-14 18:00:00 | TRUE",
            "-0.50 | 0.3 | 36:00:00",
            "joined | #REF!",
        ],
        ["Empty"],
    ]


async def test_a_long_sheet_is_several_pages_and_no_row_is_torn_or_lost(sandbox: Sandbox) -> None:
    """Rows stay in order across pages."""
    rows = [cell("A1", str(n)) + cell("B1", f"Claim {n} of hail", "inlineStr") for n in range(2000)]
    read = await read_document(xlsx({"S": sheet(*rows)}), LIMITS, sandbox)
    assert len(read.pages) > 3
    lines = [line for page in read.pages for line in page.text.split("\n")]
    assert lines[1:] == [f"{n} | Claim {n} of hail" for n in range(2000)]


@pytest.mark.parametrize("folder", ["word", "xl"])
async def test_a_file_embedded_in_an_office_file_is_read(folder: str, sandbox: Sandbox) -> None:
    """Its pages have its name."""
    parts = {f"{folder}/embeddings/table.zip": zipped({"note.txt": "inside"})}
    data = (
        docx(paragraph("outside"), parts)
        if folder == "word"
        else xlsx({"S": sheet(cell("A1", "outside", "inlineStr"))}, parts=parts)
    )
    read = await read_document(data, LIMITS, sandbox)
    assert (read.pages[-1].part, read.pages[-1].text) == ("table.zip/note.txt", "inside")
