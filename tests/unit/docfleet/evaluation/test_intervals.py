"""Intervals: Wilson's for shares, resampled ones for the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docfleet.evaluation.intervals import Figure, bootstrap, wilson

COUNTS = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def _mean(drawn: Sequence[float]) -> float:
    return sum(drawn) / len(drawn)


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    """5 of 10, and none of 10."""
    found = wilson(5, 10)
    assert (found.value, found.count) == (0.5, 10)
    assert found.low == pytest.approx(0.2366, abs=1e-4)
    assert found.high == pytest.approx(0.7634, abs=1e-4)
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert wilson(0, 0) == Figure()


@given(COUNTS)
def test_wilsons_interval_holds_the_share(counted: tuple[int, int]) -> None:
    """And lies between 0 and 1."""
    found = wilson(*counted)
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.integers(0, 9))
def test_the_resampled_interval_lies_within_the_units(units: list[float], seed: int) -> None:
    """And is the same for the same seed."""
    found = bootstrap(units, _mean, seed, 50)
    assert found is not None
    assert min(units) - 1e-9 <= found[0] <= found[1] <= max(units) + 1e-9
    assert found == bootstrap(units, _mean, seed, 50)


def test_one_unit_has_no_interval_and_nor_has_what_no_resample_tells() -> None:
    """One document differs from nothing."""
    assert bootstrap([1.0], _mean, 0) is None
    assert bootstrap([1.0, 2.0], lambda _: None, 0) is None


def test_more_units_make_a_narrower_interval() -> None:
    """By about the root of their number."""
    widths = []
    for count in (10, 1000):
        found = bootstrap([0.0, 1.0] * count, _mean, 1, 200)
        assert found is not None
        widths.append(found[1] - found[0])
    assert widths[1] < widths[0] / 4
