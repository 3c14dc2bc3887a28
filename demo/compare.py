"""A task's data held against the truth, field by field. Pure.

`docfleet.evaluation.values` says which values are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from docfleet.evaluation.values import same


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field of one task on one document.

    Attributes:
        value: The model's value, or None.
        expected: The true value: a value, a range or words to mention.
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
        Comparison(document, task, field, value, expected, same(value, expected))
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
