"""Questions that the workers ask about a document, each with its part of the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from schemas.document import Page
from schemas.task import ROWS, Task, TaskKind
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.listing import windows_of
from workers.infer.reading.windows import Window

_KEY = "claim_number"
"""The field that tells in which window a row of a list stands."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        text: What the engine is shown.
        truth: The right data.
    """

    text: str
    truth: Mapping[str, Any]


def questions_of(
    task: Task, truth: Mapping[str, Any], pages: Sequence[str], budget: ContextBudget
) -> Iterator[Question]:
    """Yield the questions of a task about a document.

    A list is read window by window, another task reads the document whole. Of a list whose rows
    are not each found in one window there is no question.

    Args:
        task: The task.
        truth: What the task should give for the whole document.
        pages: Texts of the pages, as the workers read them.
        budget: The context of the pool's model.
    """
    # The engine writes the properties in the order of the schema.
    if task.kind is not TaskKind.LIST:
        names = task.output_schema["properties"]
        yield Question("\f".join(pages), {name: truth[name] for name in names})
        return
    names = task.output_schema["properties"][ROWS]["items"]["properties"]
    ordered = [{name: row[name] for name in names} for row in truth[ROWS]]
    starts = accumulate((len(text) + 1 for text in pages), initial=0)
    read = [
        Page(number=number, text=text, start=start)
        for number, (text, start) in enumerate(zip(pages, starts, strict=False), 1)
    ]
    windows = windows_of(task, read, budget)
    of_windows = [[row for row in ordered if _is_in(row, window)] for window in windows]
    if sum(map(len, of_windows)) == len(ordered):
        for window, rows in zip(windows, of_windows, strict=True):
            yield Question(window.text, {ROWS: rows})


def _is_in(row: Mapping[str, Any], window: Window) -> bool:
    return any(row[_KEY] in line.text for line in window.lines)
