"""Summaries of a document that does not fit: summaries of its windows, then of those summaries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from schemas.document import Page, PageText
from schemas.failure import FailureCode
from workers.errors import StageError
from workers.infer.output import OutputError
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.windows import Window, answered, lines_of, pages_of, plan
from workers.infer.session import Question, Session


async def summarize(session: Session, document: PageText, budget: ContextBudget) -> Any:
    """Summarize level by level, until one question holds the rest.

    Raises:
        StageError: The engine failed, no window has a usable answer, a summary of summaries has
            none, or the summaries are as long as their texts (`document.too_long`).
    """
    room = budget.document(session.task)
    lines = await asyncio.to_thread(lines_of, document.pages, budget.count)
    windows = plan(lines, tokens=room)
    answers = await session.ask_all(_questions(session, windows, level=0))
    session.draft.lose(answers, [window.pages for window in windows])
    usable = answered(windows, answers)
    session.draft.pages_read = pages_of(window for window, _ in usable)
    summaries = [answer for _, answer in usable]
    for level in count(1):
        if len(summaries) == 1:
            break
        parts = "\n".join(json.dumps(one.data, ensure_ascii=False) for one in summaries)
        fewer = plan(lines_of([Page(number=1, text=parts, start=0)], budget.count), tokens=room)
        if len(fewer) >= len(summaries):
            raise StageError(
                FailureCode.DOCUMENT_TOO_LONG,
                f"{len(summaries):,} summaries of parts do not become fewer when summarized again.",
            )
        answers = await session.ask_all(_questions(session, fewer, level=level))
        for answer in answers:
            if isinstance(answer, OutputError):  # part of the document would be missing
                raise answer
        summaries = [answer for _, answer in answered(fewer, answers)]
    session.draft.confidence = summaries[0].confidence
    return summaries[0].data


def _questions(session: Session, windows: Sequence[Window], *, level: int) -> list[Question]:
    return [session.question(f"{level}/{window.key}", window.text) for window in windows]
