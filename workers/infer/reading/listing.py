"""Lists: rows are read window by window, and joined in document order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schemas.document import Page, PageText
from schemas.failure import FailureCode
from schemas.task import ROWS, Task
from workers.infer.answer import Answer
from workers.infer.grounding.locator import Locator
from workers.infer.output import OutputError
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.rows import ReadRow, in_order, read_rows
from workers.infer.reading.windows import Window, answered, lines_of, plan
from workers.infer.session import Session

_OVERLAP_SHARE = 6
_HEAD_SHARE = 10
"""Divisor of a window that gives the part repeated from the window before, and from the head."""


async def list_rows(session: Session, document: PageText, budget: ContextBudget) -> Any:
    """Read all pages, a window at a time; windows without a usable answer are reported.

    Raises:
        StageError: The engine failed, or no window has a usable answer.
    """
    task, draft = session.task, session.draft
    _, output = budget.rows(task)
    windows = await asyncio.to_thread(windows_of, task, document.pages, budget)
    read, answers = await _answered(session, windows, output)
    draft.lose(answers, [window.pages for window in read])
    rows: list[ReadRow] = []
    locator = Locator(document.pages)
    usable = answered(read, answers)
    for index, (window, answer) in enumerate(usable):
        evidence = await asyncio.to_thread(
            locator.evidence, answer.data, task.output_schema, window.spans
        )
        rows += read_rows(answer, evidence, index)
    ordered = in_order(rows, [window for window, _ in usable])
    draft.evidence = {
        f"/{ROWS}/{index}{pointer}": place
        for index, row in enumerate(ordered)
        for pointer, place in row.evidence.items()
    }
    draft.confidence = {
        f"/{ROWS}/{index}{pointer}": share
        for index, row in enumerate(ordered)
        for pointer, share in row.confidence.items()
    }
    draft.pages_read = tuple(sorted({page for window, _ in usable for page in window.pages}))
    return {ROWS: [row.data for row in ordered]}


def windows_of(task: Task, pages: Sequence[Page], budget: ContextBudget) -> list[Window]:
    """Return the windows in which a list reads a document, in document order.

    Args:
        task: The list.
        pages: All pages of the document.
        budget: The context of the pool's model.
    """
    tokens, _ = budget.rows(task)
    return plan(
        lines_of(pages, budget.count),
        tokens=tokens,
        overlap=tokens // _OVERLAP_SHARE,
        head=tokens // _HEAD_SHARE,
        pages=task.limits.window_pages,
    )


async def _answered(
    session: Session, windows: list[Window], output: int
) -> tuple[list[Window], list[Answer | OutputError]]:
    """Ask about each window, and again about its halves when its rows are too many."""
    read: list[Window] = []
    answers: list[Answer | OutputError] = []
    questions = [
        replace(session.question(window.key, window.text), max_tokens=output) for window in windows
    ]
    for window, answer in zip(windows, await session.ask_all(questions), strict=True):
        if _is_cut(answer) and len(window.lines) > 1:
            halves, of_halves = await _answered(session, list(window.halves()), output)
            read += halves
            answers += of_halves
        else:
            read.append(window)
            answers.append(answer)
    return read, answers


def _is_cut(answer: Answer | OutputError) -> bool:
    if not isinstance(answer, OutputError):
        return False
    return answer.failure.code is FailureCode.OUTPUT_TRUNCATED
