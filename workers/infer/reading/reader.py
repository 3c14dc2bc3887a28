"""The reader: a document that fits is read whole, another one as its task's kind allows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from schemas.document import PageText
from schemas.task import QUOTE, TaskKind
from workers.infer.grounding.locator import Locator
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.classification import classify
from workers.infer.reading.extraction import extract
from workers.infer.reading.listing import list_rows
from workers.infer.reading.packet import split_packet
from workers.infer.reading.summarization import summarize
from workers.infer.session import Session


async def read(session: Session, document: PageText, tokens: int, budget: ContextBudget) -> Any:
    """Return a task's data; record its pages and evidence in the draft.

    Args:
        session: The session of the task.
        document: Its page text.
        tokens: Tokens of the whole text.
        budget: The context of the pool's model.

    Raises:
        StageError: There is no data; `document.too_long` when the kind needs the whole document.
    """
    task = session.task
    match task.kind:
        case TaskKind.LIST:
            return await list_rows(session, document, budget)
        case TaskKind.PACKET:
            return await split_packet(session, document, budget)
    if tokens <= budget.document(task):
        session.draft.pages_read = tuple(page.number for page in document.pages)
        data = await _whole(session, document)
    else:
        data = await _in_windows(session, document, budget)
    if values := _quoted(task.kind, data):
        read_pages = [page for page in document.pages if page.number in session.draft.pages_read]
        locator = Locator(read_pages)
        # In a thread: many values take seconds, and leases must be renewed meanwhile.
        session.draft.evidence = await asyncio.to_thread(
            locator.evidence, values, task.output_schema
        )
    return data


def _quoted(kind: TaskKind, data: Any) -> Any:
    """Return the part of the data that has to stand in the document."""
    match kind:
        case TaskKind.EXTRACTION:
            return data
        case TaskKind.SCORING if isinstance(data, Mapping):
            return {name: value for name, value in data.items() if name == QUOTE}
    return None


async def _in_windows(session: Session, document: PageText, budget: ContextBudget) -> Any:
    match session.task.kind:
        case TaskKind.EXTRACTION:
            return await extract(session, document, budget)
        case TaskKind.SUMMARIZATION:
            return await summarize(session, document, budget)
        case TaskKind.CLASSIFICATION:
            return await classify(session, document, budget)
    # Other kinds need the whole document: the engine reports that it is too long, and larger pools
    # try.
    return await _whole(session, document)


async def _whole(session: Session, document: PageText) -> Any:
    answer = await session.ask(session.question("", document.text))
    session.draft.confidence = answer.confidence
    return answer.data
