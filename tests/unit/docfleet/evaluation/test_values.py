"""Values held against the truth: what a careful reader calls the same."""

from __future__ import annotations

from typing import Any

import pytest

from docfleet.evaluation.values import equal, same


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
        ("USD 4,850.00", "$4850"),
        ("$ 4,850.00", "4850.0"),
        ("05/02/19", "2 May 2019"),
        ("12-May-2025", "2025-05-12"),
        ("", None),
        (True, True),
        (7, {"from": 7, "to": 10}),
        ("10", {"from": 7, "to": 10}),
        ("A Pipe\nburst.", {"mentions": ["pipe", "pipe burst"]}),
    ],
)
def test_what_a_careful_reader_calls_the_same_same(value: Any, expected: Any) -> None:
    """Case, white space, and the forms of money and dates do not count."""
    assert same(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Maria Delgada", "Maria Delgado"),
        ("Delgado", "Maria Delgado"),
        ("IM440", "IM-440"),
        (None, "Maria Delgado"),
        ("$4,850.01", 4850.0),
        ("about 4850", 4850),
        ("0042", "42"),
        ("42", "0042"),
        ("05/02/19", "2019-02-05"),
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
    assert not same(value, expected)


@pytest.mark.parametrize(
    ("value", "expected", "is_equal"),
    [
        ("Maria Delgado", "Maria Delgado", True),
        (" Maria Delgado ", "Maria Delgado", True),
        ("maria delgado", "Maria Delgado", False),
        ("$4,850.00", "$4850", False),
        (1200.5, "1200.5", True),
        (True, "True", False),
        (None, "", True),
        (7, {"from": 7, "to": 10}, True),
    ],
)
def test_equal_values_have_the_same_characters(value: Any, expected: Any, is_equal: bool) -> None:  # noqa: FBT001  # an expectation
    """White space at the ends does not count; a rule of the truth holds as it is."""
    assert equal(value, expected) is is_equal
