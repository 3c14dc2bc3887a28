"""Scoring of one document: each value of the answer beside its truth. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docfleet.evaluation.alignment import align
from docfleet.evaluation.scored import ScoredValue, Truth
from docfleet.evaluation.values import equal, is_empty, is_rule, same
from schemas.json_schema.pointer import escaped
from schemas.result import TaskResult
from schemas.task import DOCUMENTS, ROWS
from workers.infer.grounding.choices import subschemas

_ROW_LISTS = (ROWS, DOCUMENTS)
_EXACT_WEIGHT = 0.01
"""Of two rows that mean the same, the one that is equal is paired."""

Cells = Mapping[str, Any]
"""Leaf values by JSON pointer."""


def score_values(
    result: TaskResult | None, truth: Truth, schema: Mapping[str, Any]
) -> tuple[ScoredValue, ...]:
    """Hold an answer against the truth.

    Args:
        result: The task's, or None where the document has none.
        truth: The document's. Fields that the schema does not have are left out.
        schema: The task's output schema.
    """
    data = result.data if result is not None and isinstance(result.data, Mapping) else {}
    scorer = _Scorer(result, truth)
    name = row_list(truth.data)
    if name is None:
        asked = {p: v for p, v in cells(truth.data).items() if subschemas(schema, p)}
        return tuple(scorer.of_cells(cells(data), asked))
    return tuple(scorer.of_rows(name, data.get(name) or [], truth.data[name], schema))


def row_list(data: Mapping[str, Any]) -> str | None:
    """Return the property that holds rows, or None where the data is no list."""
    return next((name for name in _ROW_LISTS if isinstance(data.get(name), list)), None)


def not_asked(truth: Truth, schema: Mapping[str, Any]) -> set[str]:
    """Return the fields that the truth has and the task does not ask for, as scored fields."""
    name = row_list(truth.data)
    if name is None:
        return {pointer for pointer in cells(truth.data) if not subschemas(schema, pointer)}
    return {
        f"/{name}/*{pointer}"
        for row in truth.data[name]
        for pointer in cells(row)
        if not subschemas(schema, f"/{name}/0{pointer}")
    }


def cells(data: Any, pointer: str = "") -> dict[str, Any]:
    """Return the leaf values, null included; a rule of the truth is a leaf."""
    if isinstance(data, Mapping) and not is_rule(data):
        children = [(escaped(key), value) for key, value in data.items()]
    elif isinstance(data, Sequence) and not isinstance(data, str):
        children = [(str(index), value) for index, value in enumerate(data)]
    else:
        return {pointer: data}
    return {
        place: leaf
        for step, child in children
        for place, leaf in cells(child, f"{pointer}/{step}").items()
    }


class _Scorer:
    """Scores the values of one document.

    Args:
        result: Its evidence and confidence stand beside the values.
        truth: Its places, too.
    """

    def __init__(self, result: TaskResult | None, truth: Truth) -> None:
        self._has_result = result is not None
        self._evidence = result.evidence if result else {}
        self._confidence = result.confidence if result else {}
        self._truth = truth

    def of_cells(self, given: Cells, truth: Cells) -> Iterator[ScoredValue]:
        for pointer, expected in truth.items():
            yield self._scored(pointer, given.get(pointer), expected, pointer, pointer)

    def of_rows(
        self, name: str, given: Sequence[Any], truth: Sequence[Any], schema: Mapping[str, Any]
    ) -> Iterator[ScoredValue]:
        asked = [
            {p: v for p, v in cells(row).items() if subschemas(schema, f"/{name}/0{p}")}
            for row in truth
        ]
        told = [cells(row) for row in given]
        fields = list(dict.fromkeys(pointer for row in asked or told for pointer in row))
        known = [[(p, v) for p, v in row.items() if not is_empty(v)] for row in asked]
        for mine, theirs in align(told, known, _likeness):
            values = {} if mine is None else told[mine]
            expected = dict.fromkeys(fields) if theirs is None else asked[theirs]
            for pointer, one in expected.items():
                place = f"/{name}/{theirs}{pointer}"
                own = f"/{name}/{mine}{pointer}" if mine is not None else None
                yield self._scored(
                    f"/{name}/*{pointer}", values.get(pointer), one, own, place, row=theirs
                )

    def _scored(
        self,
        field: str,
        value: Any,
        truth: Any,
        pointer: str | None,
        place: str,
        row: int | None = None,
    ) -> ScoredValue:
        """Score one value.

        Args:
            field: Its name in the scores.
            value: What was given.
            truth: What is true.
            pointer: JSON pointer of the value in the answer; None where its row is missing.
            place: JSON pointer in the truth.
            row: Number of the truth's row.
        """
        has_answer = self._has_result and pointer is not None
        evidence = self._evidence.get(pointer or "")
        return ScoredValue(
            field=field,
            row=row,
            value=value,
            truth=truth,
            # What was not answered is not right, even where the truth has nothing.
            exact=has_answer and equal(value, truth),
            right=has_answer and same(value, truth),
            confidence=self._confidence.get(pointer or ""),
            match=evidence.match if evidence else None,
            page=evidence.page if evidence else None,
            pages=self._truth.places.get(place, ()),
            given=not is_empty(value),
            known=not is_empty(truth),
        )


def _likeness(given: Cells, known: Sequence[tuple[str, Any]]) -> float:
    """Return the share of a row's known values that are right, a little more where all are.

    Args:
        given: All values of a row, by JSON pointer.
        known: The truth's row, without what is empty.
    """
    right = [(given[p], value) for p, value in known if p in given and same(given[p], value)]
    exact = sum(equal(*pair) for pair in right)
    return (len(right) + exact * _EXACT_WEIGHT) / max(len(known), 1)


def rows_right(values: Sequence[ScoredValue]) -> int:
    """Count the truth's rows of which each value is right."""
    rows: dict[int, bool] = {}
    for value in values:
        if value.row is not None:
            rows[value.row] = rows.get(value.row, True) and value.right
    return sum(rows.values())
