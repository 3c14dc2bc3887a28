"""Alignment: rows are paired in order, and the best pairs together win."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docfleet.evaluation.alignment import align

ROWS = st.text("abc", max_size=6)


def _equal(one: str, other: str) -> float:
    return float(one == other)


def _near(one: str, other: str) -> float:
    """Letters are alike that are neighbours."""
    return {0: 1.0, 1: 0.5}.get(abs(ord(one) - ord(other)), 0.0)


def _best(given_rows: Sequence[str], truth: Sequence[str]) -> float:
    """Try all alignments."""
    sizes = range(min(len(given_rows), len(truth)) + 1)
    return max(
        sum(map(_near, some, others))
        for size in sizes
        for some in combinations(given_rows, size)
        for others in combinations(truth, size)
    )


@given(ROWS, ROWS)
def test_each_row_is_there_once_and_in_order(one: str, other: str) -> None:
    """Whatever is missing or too many."""
    pairs = align(one, other, _near)
    assert [row for row, _ in pairs if row is not None] == list(range(len(one)))
    assert [row for _, row in pairs if row is not None] == list(range(len(other)))


@given(ROWS, ROWS)
def test_no_other_pairs_are_more_alike_together(one: str, other: str) -> None:
    """Held against all alignments."""
    pairs = [(a, b) for a, b in align(one, other, _near) if a is not None and b is not None]
    found = sum(_near(one[a], other[b]) for a, b in pairs)
    assert found == pytest.approx(_best(one, other))


def test_rows_of_which_nothing_is_alike_are_not_paired() -> None:
    """An invented row and a missed one are two faults."""
    assert align("a", "z", _equal) in ([(0, None), (None, 0)], [(None, 0), (0, None)])


def test_a_missing_row_shifts_no_other() -> None:
    """The rows behind it are still right."""
    assert align("acd", "abcd", _equal) == [(0, 0), (None, 1), (1, 2), (2, 3)]
