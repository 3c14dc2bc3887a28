"""Summaries of a document that does not fit: of its windows first, then of their summaries."""

from __future__ import annotations

import json
from typing import Any

from schemas.document import Page, PageText
from workers.infer.answer import Answer
from workers.infer.output import OutputError
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.extraction import pages_of
from workers.infer.reading.windows import lines_of, plan
from workers.infer.session import Session


async def summarize(session: Session, document: PageText, budget: ContextBudget) -> Any:
    """Summarize level by level, until one question holds all that is left.

    Raises:
        StageError: The engine failed, or no window has a usable answer.
    """
    room = budget.document(session.task)
    lines = lines_of(document.pages, budget.count)
    level = 0
    while True:
        windows = plan(lines, tokens=room)
        questions = [session.question(f"{level}/{w.key}", w.text) for w in windows]
        answers = await session.ask_all(questions)
        if level == 0:
            session.draft.lose(answers, [window.pages for window in windows])
            there = [not isinstance(answer, OutputError) for answer in answers]
            session.draft.pages_read = pages_of(
                [window for window, is_there in zip(windows, there, strict=True) if is_there]
            )
        usable = [answer for answer in answers if not isinstance(answer, OutputError)]
        if not usable:
            raise next(answer for answer in answers if isinstance(answer, OutputError))
        if len(usable) == 1:
            return _last(session, usable[0])
        parts = "\n".join(json.dumps(answer.data, ensure_ascii=False) for answer in usable)
        shorter = lines_of([Page(number=1, text=parts, start=0)], budget.count)
        if len(plan(shorter, tokens=room)) >= len(windows):
            return _last(session, usable[0])  # summaries as long as what they sum up come to no end
        lines = shorter
        level += 1


def _last(session: Session, answer: Answer) -> Any:
    session.draft.confidence = answer.confidence
    return answer.data
