"""Scored documents: each value beside its truth. What a run writes, and another run reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from schemas.contract import Contract
from schemas.result import Match
from schemas.states import JobState


@dataclass(frozen=True, slots=True)
class Truth:
    """Truth of one document for one task.

    Attributes:
        data: As the task should give it.
        places: Numbers of the pages on which a value stands, by JSON pointer; may be empty.
    """

    data: Mapping[str, Any]
    places: Mapping[str, tuple[int, ...]]


class ScoredValue(Contract):
    """One value of one document."""

    field: str = Field(description="JSON pointer, with `*` for the number of a row.")
    row: int | None = Field(default=None, description="Number of the truth's row, from 0.")
    value: Any = Field(default=None, description="What the task gave.")
    truth: Any = None
    exact: bool = Field(description="They are equal, character by character.")
    right: bool = Field(description="They mean the same.")
    confidence: float | None = None
    match: Match | None = Field(default=None, description="Of the value's evidence.")
    page: int | None = Field(default=None, description="Of the value's evidence.")
    pages: tuple[int, ...] = Field(default=(), description="On which the truth stands.")
    given: bool = Field(description="The task gave a value.")
    known: bool = Field(description="The document has a value.")


class ScoredDocument(Contract):
    """One document of a run."""

    name: str
    job_id: str | None = None
    state: JobState | None = Field(default=None, description="None where the time was up.")
    failure: str | None = Field(default=None, description="Code of the failure.")
    values: tuple[ScoredValue, ...]
    rows: int | None = Field(default=None, description="Rows of the truth, of a list.")
    rows_given: int | None = Field(default=None, description="Rows of the task, of a list.")
    rows_right: int | None = Field(default=None, description="Rows of which each value is right.")
    seconds: float | None = None

    @property
    def is_complete(self) -> bool:
        """Tell whether each value is right and no row is missing or too many."""
        return self.rows == self.rows_given and all(value.right for value in self.values)
