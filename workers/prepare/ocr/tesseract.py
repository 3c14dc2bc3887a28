"""Tesseract as a recognizer, by the package tesserocr, which brings its library along."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import tesserocr
from PIL import Image

from workers.prepare.formats.format import Picture
from workers.prepare.ocr.recognizer import Recognition, Word
from workers.prepare.ocr.upright import Turned, skew, turn

_WORD_LEVEL = "5"
_COLUMNS = 12
_DPI = 150
_SURE = 75
"""Mean confidence, of 100, above which a page is believed to be the right way up."""
_FEW_WORDS = 40
_READ = 40
"""Mean confidence below which a page is noise, a photograph or handwriting."""


class _Word(NamedTuple):
    """A word as Tesseract tells of it."""

    line: tuple[str, ...]
    box: tuple[float, float, float, float]
    confidence: float
    text: str


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
        image = Image.frombytes("L", (picture.width, picture.height), picture.pixels)
        low, high = image.getextrema()
        if low == high:
            return Recognition("", (), is_sure=True)
        page, words = self._levelled(image, 0)
        if _confidence(words) < _SURE:
            for degrees in self._ways_up(image, len(words)):
                other, its_words = self._levelled(image, degrees)
                if _weight(its_words) > _weight(words):
                    page, words = other, its_words
        return _recognition(page, words)

    def _levelled(self, image: Image.Image, degrees: int) -> tuple[Turned, list[_Word]]:
        """Turn the page, make its lines level and read it."""
        turned = turn(image, degrees).image
        page = turn(image, degrees + skew(turned))
        return page, list(self._words(page.image))

    def _words(self, image: Image.Image) -> Iterator[_Word]:
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
            yield _Word(tuple(fields[2:5]), box, float(fields[10]), fields[-1].strip())

    def _ways_up(self, image: Image.Image, words: int) -> Sequence[int]:
        """Return the degrees by which a page may have to be turned counter-clockwise."""
        width, height = image.size
        self._turner.SetImageBytes(image.tobytes(), width, height, 1, width)
        self._turner.SetSourceResolution(_DPI)
        found = self._turner.DetectOrientationScript()
        self._turner.Clear()
        if found and found["orient_conf"] > 0:
            return [int(found["orient_deg"])] if found["orient_deg"] else []
        # Too few letters to tell by their shapes, and so few that reading them thrice is quick.
        return (90, 180, 270) if words < _FEW_WORDS else ()


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


def _weight(words: Sequence[_Word]) -> float:
    """Return how much was read, and how surely: noise gives a few letters here and there."""
    return sum(max(word.confidence - _READ, 0) * len(word.text) for word in words)


def _confidence(words: Sequence[_Word]) -> float:
    """Return the mean confidence, long words counting more."""
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / max(letters, 1)


def _recognition(page: Turned, words: Sequence[_Word]) -> Recognition:
    text: list[str] = []
    placed: list[Word] = []
    size = 0
    line: tuple[str, ...] | None = None
    for word in words:
        if line is not None:
            text.append(" " if word.line == line else "\n")
            size += 1
        placed.append((size, size + len(word.text), *page.place(*word.box)))
        text.append(word.text)
        size += len(word.text)
        line = word.line
    is_sure = not words or _confidence(words) >= _READ
    return Recognition("".join(text), tuple(placed), is_sure)
