"""Extraction from a document that does not fit: the most likely windows, merged by the schema."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from schemas.document import PageText
from schemas.result import Match
from workers.infer.answer import Answer
from workers.infer.grounding.locator import Locator
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.merging import Merged, WindowAnswer, merged
from workers.infer.reading.ranking import query_of, ranked
from workers.infer.reading.windows import Window, answered, lines_of, pages_of, plan
from workers.infer.session import Session

_OVERLAP_SHARE = 10
"""Divisor of a window that gives the part repeated from the window before."""


async def extract(session: Session, document: PageText, budget: ContextBudget) -> Any:
    """Read the windows that match the task's words best, and merge their answers.

    Raises:
        StageError: The engine failed, or no window has a usable answer.
    """
    task, draft = session.task, session.draft
    room = budget.document(task)
    lines = await asyncio.to_thread(lines_of, document.pages, budget.count)
    windows = plan(lines, tokens=room, overlap=room // _OVERLAP_SHARE)
    query = query_of(task.instructions, task.output_schema)
    order = ranked([window.text for window in windows], query)[: task.limits.windows]
    chosen = [windows[index] for index in order]
    answers = await session.ask_all(
        [session.question(window.key, window.text) for window in chosen]
    )
    usable = answered(chosen, answers)
    draft.lose(answers, [window.pages for window in chosen])
    result = await asyncio.to_thread(_merged, usable, Locator(document.pages), task.output_schema)
    draft.confidence = result.confidence
    draft.alternatives = result.alternatives
    draft.pages_read = pages_of(window for window, _ in usable)
    return result.data


def _merged(usable: Sequence[tuple[Window, Answer]], locator: Locator, schema: Any) -> Merged:
    return merged(
        [
            WindowAnswer(
                answer.data, _grounded(locator, answer.data, window, schema), answer.confidence
            )
            for window, answer in usable
        ]
    )


def _grounded(locator: Locator, answer: Any, window: Window, schema: Any) -> frozenset[str]:
    found = locator.evidence(answer, schema, window.spans)
    return frozenset(p for p, place in found.items() if place.match is not Match.UNGROUNDED)
