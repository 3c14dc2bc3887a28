"""Packets: the documents in one file, found page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.document import Page, PageText
from schemas.task import DOCUMENTS
from workers.infer.answer import Answer
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.windows import Window, answered, lines_of, plan
from workers.infer.session import Question, Session

_PAGE_TOKENS = 40
"""Tokens of an answer about one page."""


async def split_packet(session: Session, document: PageText, budget: ContextBudget) -> Any:
    """Ask for each page whether a document begins there, and of which kind.

    Raises:
        StageError: The engine failed, or no page has a usable answer.
    """
    room = budget.document(session.task, output=_PAGE_TOKENS)
    pages = [page for page in document.pages if page.text.strip()]
    windows = await asyncio.to_thread(_windows, pages, room, budget)
    schema = _page_schema(session.task.output_schema)
    answers = await session.ask_all(
        [
            Question(window.key, window.text, session.task.instructions, schema, _PAGE_TOKENS)
            for window in windows
        ]
    )
    session.draft.lose(answers, [window.pages for window in windows])
    usable = answered(windows, answers)
    session.draft.pages_read = tuple(window.lines[0].page for window, _ in usable)
    return {DOCUMENTS: _documents(usable, len(document.pages))}


def _windows(pages: Sequence[Page], room: int, budget: ContextBudget) -> list[Window]:
    """Return each page with the end of the page before; of a page that is too long, its head."""
    windows: dict[int, Window] = {}
    for window in plan(lines_of(pages, budget.count), tokens=room, overlap=room // 4, pages=1):
        windows.setdefault(window.lines[0].page, window)
    return list(windows.values())


def _page_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = schema["properties"][DOCUMENTS]["items"]["properties"]["kind"]
    return {
        "type": "object",
        "properties": {"begins": {"type": "boolean"}, "kind": kind},
        "required": ["begins", "kind"],
        "additionalProperties": False,
    }


def _documents(usable: Sequence[tuple[Window, Answer]], pages: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for window, answer in usable:
        page = window.lines[0].page
        if not found or answer.data["begins"]:
            found.append({"kind": answer.data["kind"], "first_page": page if found else 1})
    for document, after in zip(found, [*found[1:], {"first_page": pages + 1}], strict=True):
        document["last_page"] = after["first_page"] - 1
    return found
