"""Words of a page where they stand on it: the boxes that OCR has found, as a drawing. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from docfleet.commands.html.escaping import shown
from docfleet.commands.html.highlights import Highlight
from schemas.document import Page, WordBox

WIDTH = 1_000
HEIGHT = 1_414
"""Units of the drawing: the proportions of A4, since boxes are fractions of the page."""


def drawing(page: Page, highlights: Sequence[Highlight]) -> str:
    """Return the page's words as SVG, each in its box, those of values marked."""
    inside = "".join(_word(page, box, highlights) for box in page.words)
    return (
        f'<svg class="words" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="Words of page {page.number} where they stand">'
        f'<rect class="sheet" width="{WIDTH}" height="{HEIGHT}"/>{inside}</svg>'
    )


def _word(page: Page, box: WordBox, highlights: Sequence[Highlight]) -> str:
    start, end, left, top, right, bottom = box
    x, y = left * WIDTH, top * HEIGHT
    width, height = max(right - left, 0) * WIDTH, max(bottom - top, 0) * HEIGHT
    over = [one for one in highlights if one.start < end and start < one.end]
    rect = ""
    if over:
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        title = shown("\n".join(one.title for one in over))
        rect = f'<rect class="{over[0].match.value}" {place}><title>{title}</title></rect>'
    baseline, size = y + height * 0.8, height * 0.9
    word = shown(page.text[start:end])
    text = (
        f'<text x="{x:.1f}" y="{baseline:.1f}" font-size="{size:.1f}" textLength="{width:.1f}"'
        f' lengthAdjust="spacingAndGlyphs">{word}</text>'
    )
    return rect + text
