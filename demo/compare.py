"""A task's data held against the truth, field by field. Pure.

Two values are the same when a careful reader would say so:

- text: upper and lower case, runs of white space, and white space or `.,;:` at the ends do not
  count; everything else does;
- money and numbers: `$4,850.00`, `4850` and `4850.0` are the same number;
- dates: `03/14/2025`, `2025-03-14` and `March 14, 2025` are the same day;
- nothing: null, an empty text and a field that is not there are the same.

The truth may also give a range (`{from: 7, to: 10}`) or words that a text must have
(`{mentions: [pipe]}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field of one task on one document.

    Attributes:
        value: What the model gave, or None.
        expected: What the truth says: a value, a range or words to mention.
    """

    document: str
    task: str
    field: str
    value: Any
    expected: Any
    match: bool


def compare_document(
    document: str, results: Mapping[str, Any], truth: Mapping[str, Mapping[str, Any]]
) -> list[Comparison]:
    """Compare the tasks that ran on a document with what is true of it.

    Args:
        document: The document's name in the rows.
        results: By task, its data; None where the task failed, so that each field is a mismatch.
        truth: By task, by field; fields that have no single right answer are not in it.
    """
    return [
        Comparison(document, task, field, value, expected, matches(value, expected))
        for task, data in results.items()
        for field, expected in truth.get(task, {}).items()
        for value in [data.get(field) if isinstance(data, Mapping) else None]
    ]


def accuracy(comparisons: Iterable[Comparison]) -> dict[str, tuple[int, int]]:
    """By task: fields that match, and fields compared."""
    totals: dict[str, tuple[int, int]] = {}
    for row in comparisons:
        right, compared = totals.get(row.task, (0, 0))
        totals[row.task] = (right + row.match, compared + 1)
    return totals


def matches(value: Any, expected: Any) -> bool:
    """Compare a value with the truth; the module's docstring gives the rules."""
    match expected:
        case {"from": low, "to": high}:
            number = _number(value)
            return number is not None and Decimal(low) <= number <= Decimal(high)
        case {"mentions": words}:
            return all(_plain(word) in _plain(value) for word in words)
        case None:
            return value is None or (isinstance(value, str) and not value.strip())
        case _:
            return _same(value, expected)


def _same(value: Any, expected: Any) -> bool:
    match expected:
        case bool():
            return value is expected
        case int() | float():
            return _number(value) == Decimal(str(expected))
        case _ if _ISO_DATE.fullmatch(expected):
            return _day(value) == date.fromisoformat(expected)
        case _:
            return isinstance(value, str) and _plain(value) == _plain(expected)


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split()).strip(" .,;:").casefold()


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value).strip().removeprefix("$").replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(value: Any) -> date | None:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(str(value).strip(), form).date()  # noqa: DTZ007  # a day has no zone
        except ValueError:
            continue
    return None
