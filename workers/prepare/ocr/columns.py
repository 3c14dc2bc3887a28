"""Text in two columns side by side, which is read one column after the other.

A table has columns, too, and is read row by row; what tells them apart is that prose has many words
in each line of a column, and few digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

_LEAST_LINES = 8
"""Lines of columns; fewer may be chance."""
_WORDS = 5
"""Words that half of the lines of a column have at least."""
_DIGITS = 0.1
"""Share of the letters of prose that are digits, at most."""


class Word(NamedTuple):
    """A word, as an engine tells of it."""

    line: tuple[str, ...]
    box: tuple[float, float, float, float]
    confidence: float
    text: str


Line = list[Word]


def in_reading_order(words: Sequence[Word]) -> list[Line]:
    """Return the lines of a page; those of columns of prose are halved at the gutter."""
    lines = [list(line) for _, line in groupby(words, key=lambda word: word.line)]
    gutter = _gutter(lines)
    if gutter is None:
        return lines
    ordered: list[Line] = []
    for is_split, run in groupby(lines, key=lambda line: _gap_at(line, gutter)):
        halves = list(run)
        if is_split:
            ordered += [[word for word in line if word.box[2] <= gutter] for line in halves]
            ordered += [[word for word in line if word.box[0] >= gutter] for line in halves]
        else:
            ordered += halves
    return ordered


def _gutter(lines: Sequence[Line]) -> float | None:
    """Return where the gutter between two columns of prose is, from the left; None without one."""
    middles = [middle for line in lines for middle in _gaps(line)]
    if len(middles) < _LEAST_LINES:
        return None
    gutter = median(middles)
    split = [line for line in lines if _gap_at(line, gutter)]
    if len(split) < _LEAST_LINES or 2 * len(split) < len(lines):
        return None
    left = [[word for word in line if word.box[2] <= gutter] for line in split]
    right = [[word for word in line if word.box[0] >= gutter] for line in split]
    return gutter if _is_prose(left) and _is_prose(right) else None


def _gaps(line: Line) -> list[float]:
    """Return the middles of gaps that are wider than the line is high."""
    return [
        (one.box[2] + other.box[0]) / 2
        for one, other in pairwise(line)
        if other.box[0] - one.box[2] > one.box[3] - one.box[1]
    ]


def _gap_at(line: Line, place: float) -> bool:
    """Tell whether the line has words on both sides of a place, and none on it."""
    sides = {word.box[2] <= place for word in line}
    crosses = any(word.box[0] < place < word.box[2] for word in line)
    return not crosses and len(sides) > 1


def _is_prose(column: Sequence[Line]) -> bool:
    text = "".join(word.text for line in column for word in line)
    digits = sum(letter.isdigit() for letter in text)
    return median(map(len, column)) >= _WORDS and digits <= _DIGITS * len(text)
