"""Classification of a document that does not fit, by its first, last and fullest pages."""

from __future__ import annotations

from typing import Any

from schemas.document import Page, PageText
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.windows import Line, Window, lines_of
from workers.infer.session import Session

_SAMPLE_PAGES = 4


async def classify(session: Session, document: PageText, budget: ContextBudget) -> Any:
    """Ask about a sample of the pages, each cut to an equal share of the room.

    Raises:
        StageError: There is no usable answer.
    """
    sample = _sample(document.pages)
    share = budget.document(session.task) // len(sample)
    lines = [line for page in sample for line in _head(lines_of([page], budget.count), share)]
    session.draft.pages_read = tuple(page.number for page in sample)
    answer = await session.ask(session.question("sample", Window(tuple(lines)).text))
    session.draft.confidence = answer.confidence
    return answer.data


def _sample(pages: tuple[Page, ...]) -> list[Page]:
    fullest = sorted(pages, key=lambda page: -len(page.text))
    chosen = {page.number: page for page in (pages[0], pages[-1], *fullest)[:_SAMPLE_PAGES]}
    return [chosen[number] for number in sorted(chosen)]


def _head(lines: list[Line], tokens: int) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        tokens -= line.tokens
        if tokens < 0 and kept:
            break
        kept.append(line)
    return kept
