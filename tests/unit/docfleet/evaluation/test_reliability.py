"""Confidence: calibration error, separation, and thresholds that keep an error rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docfleet.evaluation.reliability import (
    Case,
    binned,
    calibrate,
    calibration_error,
    choose,
    fit,
    passing,
    reliability,
    separation,
)
from docfleet.evaluation.scored import ScoredDocument, ScoredValue
from schemas.task import Task

TASK = {
    "name": "t",
    "version": "1",
    "kind": "extraction",
    "instructions": "Read.",
    "output_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
}
CASES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def _document(number: int, cases: list[Case]) -> ScoredDocument:
    values = tuple(
        ScoredValue(field="/a", exact=right, right=right, confidence=c, given=True, known=True)
        for c, right in cases
    )
    return ScoredDocument(name=f"{number:03}.txt", values=values)


@given(CASES)
def test_the_area_is_the_chance_that_a_right_value_has_more_confidence(cases: list[Case]) -> None:
    """Held against each pair of a right and a wrong value; ties count half."""
    right = [c for c, is_right in cases if is_right]
    wrong = [c for c, is_right in cases if not is_right]
    found = separation(cases)
    if not right or not wrong:
        assert found is None
        return
    wins = sum((a > b) + (a == b) / 2 for a in right for b in wrong)
    assert found == pytest.approx(wins / len(right) / len(wrong))


@given(CASES)
def test_bins_hold_each_value_once_and_the_error_is_a_share(cases: list[Case]) -> None:
    """A confidence of 1 is in the last bin."""
    bins = binned(cases)
    assert sum(one.count for one in bins) == len(cases)
    assert all(one.low - 1e-9 <= one.confidence <= one.high + 1e-9 for one in bins)
    found = calibration_error(cases)
    assert found is not None
    assert 0 <= found <= 1


def test_the_error_is_that_of_the_textbook() -> None:
    """Two of three right at 0.9, none of one at 0.2."""
    cases = [(0.9, True), (0.9, True), (0.9, False), (0.2, False)]
    assert calibration_error(cases) == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.2)
    assert calibration_error([]) is None


@given(CASES, st.floats(0, 1))
def test_a_threshold_keeps_the_error_rate_and_no_lower_one_does(
    cases: list[Case], target: float
) -> None:
    """Held against each confidence; values of which not even one may be wrong are too few."""

    def keeps(threshold: float) -> bool:
        passed = [is_right for c, is_right in cases if c >= threshold]
        return max(passed.count(False), 1) <= target * len(passed)

    able = [c for c, _ in cases if keeps(c)]
    assert choose(cases, target) == (min(able) if able else None)


def test_what_passes_is_counted_with_its_errors() -> None:
    """A value at the threshold passes."""
    found = passing([(0.9, True), (0.8, False), (0.7, False), (0.1, True)], 0.8)
    assert (found.passed, found.error.value, found.error.count) == (0.5, 0.5, 2)


def test_a_threshold_is_chosen_on_one_half_and_tried_on_the_other() -> None:
    """If confidence separates right from wrong values, the threshold keeps its error rate there."""
    documents = [_document(n, [(0.95, True), (0.9, True), (0.4, n % 2 == 0)]) for n in range(60)]
    found = calibrate(documents, 0.02, seed=1)
    assert found.threshold == 0.9
    assert found.keeps is True
    assert found.chosen_on is not None
    assert found.tried_on is not None
    assert found.chosen_on.values + found.tried_on.values == 180
    assert found.tried_on.passed == pytest.approx(2 / 3)


def test_confidence_that_tells_nothing_gives_no_threshold() -> None:
    """No share of the values is right often enough."""
    documents = [_document(n, [(0.9, n % 2 == 0), (0.9, n % 2 == 1)]) for n in range(20)]
    found = calibrate(documents, 0.02, seed=1)
    assert (found.threshold, found.tried_on, found.keeps) == (None, None, None)


@given(CASES)
def test_a_curve_rises_and_is_what_a_task_takes(cases: list[Case]) -> None:
    """Whatever the values are like."""
    curve = fit(cases)
    assert curve
    assert Task.model_validate({**TASK, "calibration": curve}).calibration == curve


def test_a_curve_from_one_half_calibrates_the_other() -> None:
    """The engine is too sure, and equally so in both."""
    documents = [_document(n, [(0.9, n % 2 == 0), (0.3, n % 10 == 0)] * 3) for n in range(60)]
    found = calibrate(documents, 0.02, seed=2)
    assert found.ece is not None
    assert found.ece_with_curve is not None
    assert found.ece > 0.25
    assert found.ece_with_curve < 0.12


def test_figures_of_confidence_have_intervals() -> None:
    """Documents are drawn again, and not values."""
    documents = [_document(n, [(0.9, True), (0.2, n % 3 == 0)]) for n in range(30)]
    found = reliability(documents, seed=0)
    assert found.values == 60
    for figure in (found.auc, found.ece):
        assert figure.low is not None
        assert figure.value is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high
