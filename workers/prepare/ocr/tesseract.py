"""Tesseract as a recognizer, by the package tesserocr, which brings its library along."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tesserocr
from PIL import Image, ImageFilter

from workers.prepare.formats.format import Picture
from workers.prepare.ocr.columns import Word, in_reading_order
from workers.prepare.ocr.recognizer import Place, Recognition
from workers.prepare.ocr.upright import Turned, skew, turn

_WORD_LEVEL = "5"
_COLUMNS = 12
_DPI = 200
_BLACK, _WHITE = 32, 224
"""Shades between which a pixel is grey."""
_FEW_GREY = 0.005
"""Share of grey pixels with less of which a page is in black and white."""
_SURE = 75
"""Mean confidence, of 100, above which a page is believed to be the right way up."""
_UPRIGHT = 60
"""Mean confidence above which it most likely is."""
_FEW_WORDS = 20
"""Words with fewer of which a page's mean says little."""
_READ = 40
"""Mean confidence below which a page is noise, a photograph or handwriting."""


class Tesseract:
    """Tesseract, loaded; start it before any document is there, for it reads its models.

    Args:
        languages: Names of its models, such as `eng`.

    Raises:
        RuntimeError: A model is not installed.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        folder = _models(languages)
        # Rows of a table stay together: the page is one column of text of several sizes.
        self._reader = tesserocr.PyTessBaseAPI(
            path=folder, lang="+".join(languages), psm=tesserocr.PSM.SINGLE_COLUMN
        )
        self._reader.SetVariable("invert_threshold", "0.0")
        self._turner = tesserocr.PyTessBaseAPI(path=folder, lang="osd", psm=tesserocr.PSM.OSD_ONLY)
        for reader in (self._reader, self._turner):
            # Else it opens a file for its warnings when it has the first one, and crashes.
            reader.SetVariable("debug_file", "")
        sample = Image.effect_mandelbrot((64, 64), (-2, -2, 2, 2), 20)
        self.recognize(Picture(*sample.size, sample.tobytes()))

    def recognize(self, picture: Picture) -> Recognition:
        """See Recognizer."""
        image = _smooth(Image.frombytes("L", (picture.width, picture.height), picture.pixels))
        low, high = image.getextrema()
        if low == high:
            return Recognition("", (), is_sure=True)
        page, words = self._levelled(image, 0)
        for degrees in self._ways_up(image, words):
            other, its_words = self._levelled(image, degrees)
            if _weight(its_words) > _weight(words):
                page, words = other, its_words
            if _confidence(words) >= _SURE and len(words) >= _FEW_WORDS:
                break
        return _recognition(page, words)

    def _levelled(self, image: Image.Image, degrees: int) -> tuple[Turned, list[Word]]:
        """Turn the page, make its lines level and read it."""
        turned = turn(image, degrees).image
        page = turn(image, degrees + skew(turned))
        return page, list(self._words(page.image))

    def _words(self, image: Image.Image) -> Iterator[Word]:
        width, height = image.size
        self._reader.SetImageBytes(image.tobytes(), width, height, 1, width)
        self._reader.SetSourceResolution(_DPI)
        table = self._reader.GetTSVText(0)
        self._reader.Clear()
        for row in table.splitlines():
            fields = row.split("\t", _COLUMNS - 1)
            if fields[0] != _WORD_LEVEL or len(fields) < _COLUMNS or not fields[-1].strip():
                continue
            left, top, across, down = map(float, fields[6:10])
            box = (left, top, left + across, top + down)
            yield Word(tuple(fields[2:5]), box, float(fields[10]), fields[-1].strip())

    def _ways_up(self, image: Image.Image, words: Sequence[Word]) -> list[int]:
        """Return the degrees to try to turn a page counter-clockwise, the likeliest first.

        Args:
            image: The page.
            words: What was read of it as it is.
        """
        confidence = _confidence(words)
        if confidence >= _SURE:
            return []
        width, height = image.size
        self._turner.SetImageBytes(image.tobytes(), width, height, 1, width)
        self._turner.SetSourceResolution(_DPI)
        found = self._turner.DetectOrientationScript()
        self._turner.Clear()
        likely = int(found["orient_deg"]) if found else 0
        if confidence >= _UPRIGHT and len(words) >= _FEW_WORDS:
            return [likely] if likely else []  # It may be no more than a bad copy.
        return sorted((90, 180, 270), key=lambda degrees: degrees != likely)


def _models(languages: Sequence[str]) -> str:
    """Return the folder of the models.

    Raises:
        RuntimeError: One is not installed.
    """
    folder = Path(sys.prefix, "share", "tessdata")
    for name in (*languages, "osd"):
        if not (folder / f"{name}.traineddata").is_file():
            raise RuntimeError(
                f"[ocr] languages: {folder} has no {name}.traineddata;"
                f" install tessdata-fast-{name}, or copy the file there"
            )
    return str(folder)


def _weight(words: Sequence[Word]) -> float:
    """Return how much was read, and how surely: noise gives a few letters here and there."""
    return sum(max(word.confidence - _READ, 0) * len(word.text) for word in words)


def _confidence(words: Sequence[Word]) -> float:
    """Return the mean confidence, long words counting more."""
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / max(letters, 1)


def _recognition(page: Turned, words: Sequence[Word]) -> Recognition:
    lines: list[str] = []
    placed: list[Place] = []
    size = 0
    for line in in_reading_order(words):
        for word in line:
            placed.append((size, size + len(word.text), *page.place(*word.box)))
            size += len(word.text) + 1
        lines.append(" ".join(word.text for word in line))
    is_sure = not words or _confidence(words) >= _READ
    return Recognition("\n".join(lines), tuple(placed), is_sure)


def _smooth(image: Image.Image) -> Image.Image:
    """Blur a page that is black and white alone, as faxes are: edges in steps are misread."""
    shades = image.histogram()
    grey = sum(shades[_BLACK:_WHITE]) / (image.width * image.height)
    return image.filter(ImageFilter.GaussianBlur(1)) if grey < _FEW_GREY else image
