"""Pages set right: their skew, and places on them as they were before."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from PIL import Image

_COARSE, _STEP, _FINE = 10.0, 1.0, 0.125
"""Degrees: the largest skew that is looked for, and the steps of both searches."""
_SEARCH_SIDE = 700
"""Pixels of the longer side of the image that the skew is measured on."""
_WHITE = 255
_LEAST = 0.2
"""Degrees of skew that engines cope with."""


class Turned(NamedTuple):
    """A page that was turned, and how to find places on it as it was."""

    image: Image.Image
    degrees: float
    """Counter-clockwise."""
    width: int
    height: int

    def place(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[float, float, float, float]:
        """Return a box on the turned image as fractions of the page as it was."""
        cosine, sine = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        across, down = [], []
        for x, y in ((left, top), (right, top), (left, bottom), (right, bottom)):
            dx, dy = x - self.image.width / 2, y - self.image.height / 2
            across.append((dx * cosine - dy * sine) / self.width + 0.5)
            down.append((dx * sine + dy * cosine) / self.height + 0.5)
        return (
            _bounded(min(across)),
            _bounded(min(down)),
            _bounded(max(across)),
            _bounded(max(down)),
        )


def turn(image: Image.Image, degrees: float) -> Turned:
    """Turn a page counter-clockwise; what comes in from outside is white."""
    if not degrees:
        return Turned(image, 0, *image.size)
    turned = image.rotate(degrees, expand=True, fillcolor=_WHITE, resample=Image.Resampling.BICUBIC)
    return Turned(turned, degrees, *image.size)


def skew(image: Image.Image) -> float:
    """Return the degrees to turn a page counter-clockwise so that its lines are level.

    Lines that are level make dark rows and white ones; the sum over each row then varies most.
    """
    small = image.copy()
    small.thumbnail((_SEARCH_SIDE, _SEARCH_SIDE), Image.Resampling.BOX)
    coarse = _best(small.reduce(2), 0, _COARSE, _STEP)
    fine = _best(small, coarse, _STEP, _FINE)
    return fine if abs(fine) >= _LEAST else 0


def _best(image: Image.Image, around: float, reach: float, step: float) -> float:
    count = round(reach / step)
    angles = [around + number * step for number in range(-count, count + 1)]
    return max(angles, key=lambda angle: (_contrast(image, angle), -abs(angle)))


def _contrast(image: Image.Image, angle: float) -> float:
    turned = image.rotate(angle, fillcolor=_WHITE, resample=Image.Resampling.BILINEAR)
    rows = turned.resize((1, image.height), Image.Resampling.BOX).tobytes()
    return sum((one - other) ** 2 for one, other in itertools.pairwise(rows))


def _bounded(fraction: float) -> float:
    return round(min(max(fraction, 0), 1), 4)
