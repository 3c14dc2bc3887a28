"""What the demo counts as right."""

from __future__ import annotations

from typing import Any

import pytest

from demo.compare import Comparison, accuracy, compare_document, matches


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  maria\n DELGADO.", "Maria Delgado"),
        ("$4,850.00", 4850.0),
        ("4850", 4850),
        (4850.0, 4850),
        ("03/14/2025", "2025-03-14"),
        ("2025-03-14", "2025-03-14"),
        ("March 14, 2025", "2025-03-14"),
        (None, None),
        (" ", None),
        (True, True),
        (7, {"from": 7, "to": 10}),
        ("10", {"from": 7, "to": 10}),
        ("A Pipe\nburst.", {"mentions": ["pipe", "pipe burst"]}),
    ],
)
def test_what_a_careful_reader_calls_the_same_matches(value: Any, expected: Any) -> None:
    """Case, white space, and the forms of money and dates do not count."""
    assert matches(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Maria Delgada", "Maria Delgado"),
        ("Delgado", "Maria Delgado"),
        ("IM440", "IM-440"),
        (None, "Maria Delgado"),
        ("$4,850.01", 4850.0),
        ("about 4850", 4850),
        (None, 0),
        (True, 1),
        ("NaN", 1),
        ("03/15/2025", "2025-03-14"),
        ("14/03/2025", "2025-03-14"),
        (None, "2025-03-14"),
        ("None", None),
        (0, None),
        (False, None),
        (False, True),
        ("true", True),
        (6, {"from": 7, "to": 10}),
        (11, {"from": 7, "to": 10}),
        (None, {"from": 0, "to": 3}),
        ("NaN", {"from": 0, "to": 3}),
        ("A hose burst.", {"mentions": ["pipe"]}),
        ("A pipe.", {"mentions": ["pipe", "kitchen"]}),
        (None, {"mentions": ["pipe"]}),
    ],
)
def test_everything_else_differs(value: Any, expected: Any) -> None:
    """Near is not right."""
    assert not matches(value, expected)


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
    """What is missing counts against the result."""
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
