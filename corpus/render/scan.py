"""Scans: pages as images, skewed, speckled, faxed or lying on their side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from random import Random

import pypdfium2
from PIL import Image, ImageFilter

from corpus.render.rendered import Rendered

_DPI = 200
_FAX_DPI = 98
_INK = 150
"""Darkest grey that a fax takes for white."""
_SKEW = 1.8
"""Maximum degrees."""
_SPECKS = 4_000
"""Pixels of a square inch for each speck."""


def render_scan(rendered: Rendered, quality: str, dice: Random) -> Rendered:
    """Scan a PDF.

    Args:
        rendered: A PDF with text.
        quality: One of QUALITIES.
        dice: Decides on skew, specks and turns.
    """
    pdf = pypdfium2.PdfDocument(rendered.data)
    pages = [
        QUALITIES[quality](page.render(scale=_DPI / 72, grayscale=True).to_pil(), dice)
        for page in pdf
    ]
    pdf.close()
    out = BytesIO()
    pages[0].save(
        out, "PDF", save_all=True, append_images=pages[1:], resolution=_DPI,
        creationDate=None, modDate=None,
    )  # fmt: skip
    return Rendered(out.getvalue(), ".pdf", rendered.pages, rendered.places)


def _clean(page: Image.Image, dice: Random) -> Image.Image:
    del dice
    return page


def _skewed(page: Image.Image, dice: Random) -> Image.Image:
    angle = dice.uniform(-_SKEW, _SKEW)
    turned = page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)
    return _speckled(turned.filter(ImageFilter.GaussianBlur(0.6)), dice)


def _rotated(page: Image.Image, dice: Random) -> Image.Image:
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return _skewed(page, dice).transpose(dice.choice(turns))


def _fax(page: Image.Image, dice: Random) -> Image.Image:
    """Send a page by standard fax: half the lines, black and white alone."""
    wide, high = page.size
    coarse = _skewed(page, dice).resize((wide, high * _FAX_DPI // _DPI))
    return coarse.point(lambda grey: 255 if grey > _INK else 0).resize((wide, high)).convert("1")


def _speckled(page: Image.Image, dice: Random) -> Image.Image:
    wide, high = page.size
    for _ in range(wide * high // _SPECKS // 10):
        at = dice.randrange(wide), dice.randrange(high)
        page.putpixel(at, dice.randint(0, 90))
    return page


QUALITIES: Mapping[str, Callable[[Image.Image, Random], Image.Image]] = {
    "scan": _clean,
    "skewed": _skewed,
    "rotated": _rotated,
    "fax": _fax,
}
"""How pages are damaged, by name."""
