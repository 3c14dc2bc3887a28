"""Alignment of a list's rows with the truth's, in order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

Pair = tuple[int | None, int | None]
"""Numbers of a row that was given and of the truth's; None where one has no partner."""


def align(given: Sequence[T], truth: Sequence[U], likeness: Callable[[T, U], float]) -> list[Pair]:
    """Pair rows so that the pairs keep the order of both lists and are most alike together.

    Args:
        given: Rows of the task.
        truth: Rows of the truth.
        likeness: From 0 to 1; rows of which nothing is alike are not paired.

    Returns:
        Each row of both lists once, in order.
    """
    alike = [[likeness(one, other) for other in truth] for one in given]
    best = _best(alike, len(given), len(truth))
    pairs: list[Pair] = []
    row, column = 0, 0
    while row < len(given) or column < len(truth):
        if _are_partners(best, alike, row, column):
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif column == len(truth) or (
            row < len(given) and best[row + 1][column] >= best[row][column + 1]
        ):
            pairs.append((row, None))
            row += 1
        else:
            pairs.append((None, column))
            column += 1
    return pairs


def _best(alike: Sequence[Sequence[float]], rows: int, columns: int) -> list[list[float]]:
    """Return the most likeness that the rows from each place on can have together."""
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        here, below, likenesses = best[row], best[row + 1], alike[row]
        for column in reversed(range(columns)):
            paired = below[column + 1] + likenesses[column]
            here[column] = max(paired, below[column], here[column + 1])
    return best


def _are_partners(
    best: Sequence[Sequence[float]], alike: Sequence[Sequence[float]], row: int, column: int
) -> bool:
    if row >= len(alike) or column >= len(alike[row]) or not alike[row][column]:
        return False
    return best[row][column] == best[row + 1][column + 1] + alike[row][column]
