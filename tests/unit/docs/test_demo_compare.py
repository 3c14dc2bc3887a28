"""Comparisons and counts of the demo."""

from __future__ import annotations

from typing import Any

import pytest

from demo.compare import Comparison, accuracy, compare_document


def test_only_fields_with_a_truth_are_compared() -> None:
    """A field without one right answer makes no row; nor does a task without truth."""
    rows = compare_document(
        "calls/a.txt",
        {"call-score": {"score": 9, "reason": "warm"}, "summary": {"summary": "A call."}},
        {"call-score": {"score": {"from": 7, "to": 10}}},
    )
    expected = {"from": 7, "to": 10}
    assert rows == [Comparison("calls/a.txt", "call-score", "score", 9, expected, match=True)]


@pytest.mark.parametrize("data", [None, {}, [], "text"])
def test_a_task_that_failed_has_every_field_wrong(data: Any) -> None:
    """A missing value counts against the result."""
    truth = {"fnol": {"insured_name": "Ann Lee", "estimated_loss": 900.0}}
    rows = compare_document("fnol/a.pdf", {"fnol": data}, truth)
    assert [(row.field, row.value, row.match) for row in rows] == [
        ("insured_name", None, False),
        ("estimated_loss", None, False),
    ]


def test_truth_of_a_task_that_did_not_run_is_not_compared() -> None:
    """The rules decide which tasks run on a document."""
    assert compare_document("a", {}, {"fnol": {"insured_name": "Ann Lee"}}) == []


def test_accuracy_counts_right_and_compared_fields_by_task() -> None:
    """One of two right is (1, 2)."""
    truth: dict[str, dict[str, Any]] = {
        "fnol": {"a": "x", "b": "y"},
        "summary": {"summary": {"mentions": ["z"]}},
    }
    results = {"fnol": {"a": "x", "b": "z"}, "summary": {"summary": "z"}}
    assert accuracy(compare_document("d", results, truth)) == {"fnol": (1, 2), "summary": (1, 1)}
