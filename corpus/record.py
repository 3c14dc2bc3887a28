"""A record: what one document is to say, before it has a layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corpus.draw import Draw
from corpus.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a record that no task asks for, such as the services on a bill.

    Attributes:
        headers: Names of the columns.
        rows: Cells, row by row.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Record:
    """Content of a document.

    Attributes:
        kind: Kind of the document.
        task: The task whose fields it holds.
        fields: Value by field of the task, as written; None where the document is silent.
        extras: Values that the task does not ask for, by the name of their label.
        story: Sentences in which no value stands.
        grid: A table, or None.
        letterhead: Who sends it, where that is not the carrier.
        is_prose: Whether it is written in sentences, as letters are.
        sheet: The document itself, where its kind has layouts of its own.
        more_truth: Truth of further tasks, by task.
    """

    kind: str
    task: str
    fields: Mapping[str, str | None]
    extras: Mapping[str, str] = field(default_factory=dict)
    story: Sequence[str] = ()
    grid: Grid | None = None
    letterhead: str | None = None
    is_prose: bool = False
    sheet: Sheet | None = None
    more_truth: Mapping[str, Any] = field(default_factory=dict)

    def given(self) -> list[tuple[str, str]]:
        """Return the fields that have a value."""
        return [(name, value) for name, value in self.fields.items() if value is not None]


def maybe(draw: Draw, value: str, share: float = 0.4) -> str | None:
    """Leave a value out in a share of cases."""
    return None if draw.chance(share) else value
