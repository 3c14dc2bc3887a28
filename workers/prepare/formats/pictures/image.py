"""An image file from strangers: its frames are pages that only OCR can read."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from functools import partial

from PIL import Image, ImageOps

from workers.prepare.formats.format import Format, Page, Picture, UnreadableError, check_page_count

_PIXELS = 100_000_000
"""Most pixels of a frame: a page of 0.7 square metres at 300 dots an inch."""
_LEAST_SIDE = 16
"""Pixels of a side with fewer of which an image shows no letter."""
_LONG_SIDE, _SMALL_SIDE = 2_400, 1_200
"""Pixels of the longer side above which a page is reduced, and below which it is enlarged."""
_ANAMORPHIC = 1.5
"""Ratio of resolutions from which on a page is stretched: faxes have half as many lines."""
_DAMAGED = (OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, EOFError,
            OverflowError, ZeroDivisionError, AttributeError, struct.error)  # fmt: skip
"""What Pillow raises where a file breaks its format's rules."""
_SHADES_16 = 257


def image_format(kind: str, content: str, media_type: str) -> Format:
    """Make the format of a kind of image.

    Args:
        kind: Pillow's name of it, which is also what people call it.
        content: What `content.sniff` says of such a file.
        media_type: Its media type.
    """
    return Format(
        name=kind,
        content=content,
        media_type=media_type,
        load=partial(_load, kind),
        read=partial(_read, kind),
    )


def page_picture(image: Image.Image) -> Picture:
    """Draw an image in grey, upright, and as large as OCR likes it."""
    turned = ImageOps.exif_transpose(image)
    grey = _grey(turned)
    width, height = _size(grey.size, turned.info.get("dpi"))
    if (width, height) != grey.size:
        grey = grey.resize((width, height), Image.Resampling.LANCZOS)
    return Picture(width, height, grey.tobytes())


def _read(kind: str, data: bytes, max_pages: int) -> Iterator[Page]:
    """Yield a page for each frame.

    Raises:
        UnreadableError: document.corrupt or document.too_large.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=(kind,))
        frames = getattr(image, "n_frames", 1)
    except _DAMAGED as error:
        raise _corrupt(kind) from error
    check_page_count(frames, max_pages)
    for frame in range(frames):
        grey = _frame(kind, image, frame)
        low, high = grey.getextrema()
        if low == high or min(grey.size) < _LEAST_SIDE:
            yield Page("")  # It shows nothing.
        else:
            yield Page("", "unread", draw=partial(_draw, kind, image, frame))


def _draw(kind: str, image: Image.Image, frame: int) -> Picture:
    _frame(kind, image, frame)
    return page_picture(image)


def _frame(kind: str, image: Image.Image, frame: int) -> Image.Image:
    try:
        image.seek(frame)
        pixels = image.width * image.height
        if pixels > _PIXELS:
            raise UnreadableError(
                "document.too_large",
                f"The image has {pixels:,} pixels; the limit is {_PIXELS:,}.",
            )
        return _grey(image)
    except _DAMAGED as error:
        raise _corrupt(kind) from error


def _grey(image: Image.Image) -> Image.Image:
    """Return the image in grey, on white where it lets through what is behind."""
    if image.mode.startswith("I"):
        return image.point(lambda value: value / _SHADES_16).convert("L")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layers = image.convert("RGBA")
        paper = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(paper, layers).convert("L")
    return image.convert("L")


def _size(size: tuple[int, int], dpi: object) -> tuple[int, int]:
    """Return the width and height to read it at."""
    width, height = map(float, size)
    across, down = map(float, dpi) if isinstance(dpi, tuple) else (1.0, 1.0)
    if across > 0 and down > 0 and across / down >= _ANAMORPHIC:
        height *= across / down
    elif across > 0 and down > 0 and down / across >= _ANAMORPHIC:
        width *= down / across
    longer = max(width, height)
    scale = min(_LONG_SIDE / longer, 1) if longer >= _SMALL_SIDE else min(_SMALL_SIDE / longer, 2)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _corrupt(kind: str) -> UnreadableError:
    return UnreadableError("document.corrupt", f"The {kind} image is damaged or cut off.")


def _load(kind: str) -> None:
    """Load Pillow's reader of the kind."""
    Image.MAX_IMAGE_PIXELS = None  # `_PIXELS` is the limit.
    warnings.simplefilter("ignore")  # A warning would look for the line of code in its file.
    file = io.BytesIO()
    image = Image.effect_mandelbrot((64, 64), (-2, -2, 2, 2), 20)
    image.save(file, kind)
    for page in _read(kind, file.getvalue(), 1):
        if page.draw is not None:
            page.draw()
