"""Recognized words in reading order, and pages set right."""

from __future__ import annotations

import pytest
from PIL import Image

from workers.prepare.ocr.columns import Word, in_reading_order
from workers.prepare.ocr.upright import skew, turn

PROSE = "the insurer shall pay for"
FORM = "policy HO-3 7711 zip 60614"


def side_by_side(left: str, right: str, lines: int = 10) -> list[Word]:
    """Words of lines that have two halves, each word 40 wide and 10 high."""
    words = []
    for line in range(lines):
        for text, margin in ((left, 0), (right, 400)):
            for place, word in enumerate(f"{text} {line}".split()[-6:]):
                x = margin + 50 * place
                box = (x, 20 * line, x + 42, 20 * line + 10)
                words.append(Word((str(line),), box, 90, word))
    return words


def texts(words: list[Word]) -> list[str]:
    """The lines as text."""
    return [" ".join(word.text for word in line) for line in in_reading_order(words)]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    """All of the left one, then the right one."""
    lines = [f"{PROSE} {number}" for number in range(10)]
    assert texts(side_by_side(PROSE, PROSE)) == [*lines, *lines]


@pytest.mark.parametrize(("left", "right"), [(FORM, FORM), ("Paid", PROSE), (PROSE, "1,234.56")])
def test_forms_and_tables_are_read_row_by_row(left: str, right: str) -> None:
    """A column of figures or of short values belongs to the line beside it."""
    rows = [f"{left} {number} {right} {number}" for number in range(10)]
    assert texts(side_by_side(left, right)) == rows


def test_a_heading_across_columns_stays_where_it_is() -> None:
    """Lines above them are read first."""
    heading = Word(("title",), (100, -50, 700, -30), 90, "Conditions")
    assert texts([heading, *side_by_side(PROSE, PROSE)])[:2] == ["Conditions", f"{PROSE} 0"]


@pytest.mark.parametrize("degrees", [-7.5, -1.0, 0, 2.25, 9.0])
def test_skew_is_measured_and_places_are_found_again(degrees: float) -> None:
    """To a quarter of a degree; a box on the turned page is where its ink was."""
    page = Image.new("L", (600, 800), 255)
    for row in range(100, 700, 30):
        page.paste(0, (80, row, 520, row + 8))
    leaning = turn(page, degrees).image
    found = skew(leaning)
    assert found == pytest.approx(-degrees, abs=0.25)
    upright = turn(leaning, found)
    ink = upright.image.point(lambda shade: 255 - shade).getbbox()
    assert ink is not None
    bottom = ((ink[0] + ink[2]) / 2, ink[3] - 6)
    x, y, _, _ = upright.place(*bottom, *bottom)
    there = leaning.getpixel((round(x * leaning.width), round(y * leaning.height)))
    assert isinstance(there, int)
    assert there < 160
