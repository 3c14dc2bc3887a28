"""PDF pages that show what their text does not give."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.fixtures.documents.pages import drawing, paper, scan
from workers.prepare.formats import pdf
from workers.prepare.formats.pdfium.marks import has_unread_marks

LETTER = "Claim 4711: hail broke two skylights of the insured's warehouse. " * 5


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    pdf.load()


def sources(data: bytes) -> list[str]:
    """The source of each page."""
    return [page.source for page in pdf.read(data, 10)]


def test_a_scanned_page_is_unread_and_its_neighbours_are_not() -> None:
    """A blank page is read: it shows nothing."""
    data = paper(LETTER, scan("Claim 4711", size=(620, 877)), "", "short")
    assert sources(data) == ["text", "unread", "text", "text"]


def test_a_stamp_on_a_scan_does_not_make_it_read() -> None:
    """The stamp's text is kept beside that."""
    data = paper(scan("Claim 4711", size=(620, 877)), stamp="Received 3 May 2025, page 1 of 2")
    (page,) = pdf.read(data, 10)
    assert (page.source, page.text) == ("unread", "Received 3 May 2025, page 1 of 2")


def test_text_over_a_background_image_is_read() -> None:
    """A scan with its text laid under it has been read by another program."""
    page = Image.new("L", (100, 140), 250)
    assert sources(paper(page, stamp=LETTER)) == ["text"]


@pytest.mark.parametrize(("lines", "source"), [(3, "text"), (200, "unread")])
def test_a_drawing_is_unread_and_a_few_rules_are_not(lines: int, source: str) -> None:
    """Letters may be drawn as outlines."""
    assert sources(drawing(lines)) == [source]


def test_letters_without_a_table_of_characters_are_unread() -> None:
    """Such text is code numbers of a font."""
    assert has_unread_marks(0, "\x01\x02\ue001 \x03")
