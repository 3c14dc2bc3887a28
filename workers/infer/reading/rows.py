"""Rows of a list that is read window by window: in document order, each once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from schemas.result import Evidence
from schemas.task import ROWS
from workers.infer.answer import Answer
from workers.infer.reading.windows import Window

_Place = tuple[int, int]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as one window gave it.

    Attributes:
        data: The row.
        window: Index of the window.
        first: Page and character of its first located value, or None.
        evidence: Evidence of its values, by JSON pointer from the row.
        confidence: Confidence of its values, by JSON pointer from the row.
        filled: Number of values that are not null.
    """

    data: Any
    window: int
    first: _Place | None
    evidence: Mapping[str, Evidence]
    confidence: Mapping[str, float]
    filled: int

    @property
    def located(self) -> frozenset[_Place]:
        """Return the places of its located values."""
        return frozenset(_places(self.evidence))


def read_rows(answer: Answer, evidence: Mapping[str, Evidence], window: int) -> Iterator[ReadRow]:
    """Pair the rows of one window's answer with their places.

    Args:
        answer: The engine's answer.
        evidence: Evidence of all its values.
        window: Index of the window.
    """
    for index, row in enumerate(answer.data[ROWS]):
        own = f"/{ROWS}/{index}"
        of_row = _of_row(evidence, own)
        filled = sum(v not in (None, "") for v in row.values()) if isinstance(row, dict) else 1
        first = min(_places(of_row), default=None)
        yield ReadRow(row, window, first, of_row, _of_row(answer.confidence, own), filled)


def _of_row(values: Mapping[str, _Value], own: str) -> dict[str, _Value]:
    return {
        pointer.removeprefix(own): value
        for pointer, value in values.items()
        if pointer == own or pointer.startswith(f"{own}/")
    }


def _places(evidence: Mapping[str, Evidence]) -> Iterator[_Place]:
    for found in evidence.values():
        if found.page is not None and found.start is not None:
            yield found.page, found.start


def in_order(rows: Sequence[ReadRow], windows: Sequence[Window]) -> list[ReadRow]:
    """Join the rows of all windows.

    A row in carried lines belongs to the window before, which reads those lines whole. Such a row
    is dropped when that window gave it too, and completes it when the page break had cut it. Equal
    rows at two places are two rows.

    Args:
        rows: Rows in the order of the windows, and of each window's answer.
        windows: The planned windows.
    """
    kept: list[ReadRow] = []
    for row in rows:
        own = {(line.page, line.start) for line in windows[row.window].lines}
        if not _is_carried(row, own):
            kept.append(row)
        elif (twin := _twin(row, kept)) is not None:
            kept[twin] = max(kept[twin], row, key=lambda one: one.filled)
        elif not _is_known(row, kept):
            kept.append(row)
    return sorted(kept, key=_position(kept))


def _is_carried(row: ReadRow, own_lines: set[_Place]) -> bool:
    """Tell whether a row begins in lines that its window repeats from the one before."""
    if row.first is None or not own_lines:
        return False
    return row.first < min(own_lines)


def _twin(row: ReadRow, kept: Sequence[ReadRow]) -> int | None:
    """Return the index of the same row in an earlier window: the two share a place."""
    for index in range(len(kept) - 1, -1, -1):
        other = kept[index]
        if other.window < row.window and other.first == row.first:
            return index
    return None


def _is_known(row: ReadRow, kept: Sequence[ReadRow]) -> bool:
    """Tell whether every located value of a row belongs to rows of earlier windows."""
    known = {place for other in kept if other.window < row.window for place in other.located}
    return bool(row.located) and row.located <= known


def _position(kept: Sequence[ReadRow]) -> Any:
    """Return a sort key: the row's place, or the place of the row before it."""
    order: dict[int, tuple[int, int, int]] = {}
    last: _Place = (0, 0)
    for index, row in enumerate(kept):
        last = row.first or last
        order[id(row)] = (*last, index)
    return lambda row: order[id(row)]
