"""Documents that do not fit are read in parts, and nothing of them is lost in silence."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from schemas.document import Page, PageSource, PageText
from schemas.failure import FailureCode
from schemas.result import TaskResult, TaskStatus, Usage
from schemas.task import Task, TaskKind, TaskLimits
from workers.engine.gated import GatedEngine
from workers.engine.protocol import EngineAnswer, EngineRequest
from workers.engine.scripted.engine import ScriptedEngine
from workers.errors import RequestFailedError, StageError
from workers.infer.draft import TaskDraft
from workers.infer.reading.budget import ContextBudget
from workers.infer.reading.reader import read
from workers.infer.session import Asker, Session

TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}


class ReadingEngine(ScriptedEngine):
    """Reads with a regular expression what a model would read, and notes what it was shown."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        super().__init__("reading")
        self._read = answer
        self.shown: list[str] = []
        self.together = 0
        self._inside = 0

    async def generate(self, request: EngineRequest) -> EngineAnswer:
        """See Engine."""
        text = request.messages[-1]["content"]
        self.shown.append(text)
        self._inside += 1
        self.together = max(self.together, self._inside)
        await asyncio.sleep(0)
        self._inside -= 1
        answer = json.dumps(self._read(text))
        usage = Usage(prompt_tokens=len(text), output_tokens=len(answer))
        if request.max_tokens is not None and len(answer) > request.max_tokens:
            return EngineAnswer(answer[: request.max_tokens], "length", usage)
        return EngineAnswer(answer, "stop", usage)


def _document(*texts: str) -> PageText:
    pages = tuple(Page(number=n, text=text, start=0) for n, text in enumerate(texts, start=1))
    return PageText(sha256="0" * 64, media_type="text/plain", size=1, pages=pages)


def _task(kind: TaskKind, schema: dict[str, Any], **limits: Any) -> Task:
    limits = {"max_output_tokens": 400, "repairs": 0, **limits}
    return Task(
        name="t",
        version="1",
        kind=kind,
        instructions="Read the claim.",
        output_schema=schema,
        limits=TaskLimits.model_validate(limits),
    )


async def _read(
    engine: ReadingEngine,
    task: Task,
    document: PageText,
    *,
    context: int = 1000,
    answers: dict[str, Any] | None = None,
) -> TaskResult:
    """Run a task where each character is a token."""
    await engine.start()
    draft = TaskDraft(task, document.unread_pages)
    session = Session(
        GatedEngine(engine, 8), task, draft, Asker("r", "acme"), at_once=2,
        answers={} if answers is None else answers,
    )  # fmt: skip
    budget = ContextBudget(context, len)
    return await draft.settled(read(session, document, len(document.text), budget))


def _rows(text: str) -> Any:
    found = re.findall(r"(C-\d+) paid (\d+)", text)
    return {"rows": [{"claim": claim, "paid": paid} for claim, paid in found]}


LIST = {
    "type": "object",
    "properties": {
        "rows": {
            "type": "array",
            "items": {"type": "object", "properties": {"claim": TEXT, "paid": TEXT}},
        }
    },
    "required": ["rows"],
}


async def test_all_rows_of_a_long_table_come_in_order() -> None:
    """With the place of each, and each page counted as read."""
    numbers = range(1, 241)
    pages = [
        "Loss run\n" + "\n".join(f"C-{n} paid {n * 7}" for n in numbers[first : first + 20])
        for first in range(0, 240, 20)
    ]
    engine = ReadingEngine(_rows)
    result = await _read(engine, _task(TaskKind.LIST, LIST), _document(*pages), context=900)
    assert result.status is TaskStatus.SUCCEEDED
    assert [row["claim"] for row in result.data["rows"]] == [f"C-{n}" for n in numbers]
    assert result.pages_read == tuple(range(1, 13))
    found = result.evidence["/rows/239/paid"]
    assert (found.page, found.quote) == (12, str(240 * 7))
    assert engine.together <= 2


async def test_a_window_with_too_many_rows_for_one_answer_is_read_in_halves() -> None:
    """Until the answers are complete."""
    page = "\n".join(f"C-{n} paid {n}" for n in range(1, 41))
    task = _task(TaskKind.LIST, LIST, max_output_tokens=520)
    result = await _read(ReadingEngine(_rows), task, _document(page), context=4000)
    assert result.status is TaskStatus.SUCCEEDED
    assert [row["claim"] for row in result.data["rows"]] == [f"C-{n}" for n in range(1, 41)]


async def test_a_page_without_a_usable_answer_is_told_of() -> None:
    """The rows of the others are there, and the result is not called complete."""

    def broken(text: str) -> Any:
        own = text.rpartition("on:]")[2]
        return {"rows": 7} if "C-2 " in own else _rows(own)

    pages = [f"C-{n} paid {n}\nwords" for n in (1, 2, 3)]
    task = _task(TaskKind.LIST, LIST, window_pages=1)
    result = await _read(ReadingEngine(broken), task, _document(*pages))
    assert result.status is TaskStatus.INCOMPLETE
    assert result.lost_pages == (2,)
    assert result.pages_read == (1, 3)
    assert [row["claim"] for row in result.data["rows"]] == ["C-1", "C-3"]


FIELDS = {"type": "object", "properties": {"claim": TEXT, "insured": TEXT}}


async def test_extraction_reads_the_windows_that_have_the_words_of_the_task() -> None:
    """And says which pages they were; two that disagree leave an alternative."""

    def fields(text: str) -> Any:
        claim, insured = re.search(r"claim (C-\d+)", text), re.search(r"insured (\w+)", text)
        return {"claim": claim and claim[1], "insured": insured and insured[1]}

    filler = "\n".join(["lorem ipsum dolor"] * 24)
    pages = [filler] * 20
    pages[6] = f"claim C-77\n{filler}"
    pages[13] = f"insured Ada\nclaim C-78\n{filler}"
    task = _task(TaskKind.EXTRACTION, FIELDS, windows=3)
    engine = ReadingEngine(fields)
    result = await _read(engine, task, _document(*pages))
    assert result.data["insured"] == "Ada"
    assert {result.data["claim"], *result.alternatives["/claim"]} == {"C-77", "C-78"}
    assert len(engine.shown) == 3
    assert {7, 14} <= set(result.pages_read)
    assert set(result.pages_read) < set(range(1, 21))
    assert result.evidence["/insured"].page == 14


async def test_a_document_that_fits_goes_whole() -> None:
    """One question, all pages."""
    engine = ReadingEngine(lambda _: {"claim": "C-1", "insured": None})
    task = _task(TaskKind.EXTRACTION, FIELDS)
    result = await _read(engine, task, _document("claim C-1", "more"))
    assert len(engine.shown) == 1
    assert result.pages_read == (1, 2)


async def test_a_summary_of_a_long_document_is_made_of_summaries() -> None:
    """Each page is in one of them, and the last question has none of the pages themselves."""
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}}
    engine = ReadingEngine(lambda text: {"summary": " ".join(re.findall(r"C-\d+", text))})
    pages = [f"C-{n}\n" + "\n".join(["words"] * 70) for n in range(1, 9)]
    result = await _read(engine, _task(TaskKind.SUMMARIZATION, schema), _document(*pages))
    assert result.data["summary"].split() == [f"C-{n}" for n in range(1, 9)]
    assert "words" not in engine.shown[-1]
    assert result.pages_read == tuple(range(1, 9))


SUMMARY = {"type": "object", "properties": {"summary": {"type": "string"}}}


async def test_summaries_that_do_not_get_fewer_are_no_summary_of_the_document() -> None:
    """One of them alone would leave out the rest in silence."""
    engine = ReadingEngine(lambda _: {"summary": "x" * 380})
    pages = ["\n".join(["words"] * 80) for _ in range(6)]
    with pytest.raises(StageError, match="do not become fewer") as caught:
        await _read(engine, _task(TaskKind.SUMMARIZATION, SUMMARY), _document(*pages), context=800)
    assert caught.value.failure.code is FailureCode.DOCUMENT_TOO_LONG


async def test_a_summary_of_summaries_without_a_usable_answer_fails() -> None:
    """A part of the document would be missing from the last one."""
    engine = ReadingEngine(lambda text: {"summary": 7 if "summary" in text else "short"})
    pages = ["\n".join(["words"] * 70) for _ in range(8)]
    result = await _read(engine, _task(TaskKind.SUMMARIZATION, SUMMARY), _document(*pages))
    assert result.status is TaskStatus.FAILED


@pytest.mark.parametrize("kind", [TaskKind.LIST, TaskKind.EXTRACTION])
async def test_a_page_that_could_not_be_read_is_not_among_the_pages_that_were(
    kind: TaskKind,
) -> None:
    """However the document goes to the engine."""
    schema, answer = {
        TaskKind.LIST: (LIST, _rows),
        TaskKind.EXTRACTION: (FIELDS, lambda _: {"claim": "C-1", "insured": None}),
    }[kind]
    pages = list(_document("C-1 paid 1", "", "C-3 paid 3").pages)
    pages[1] = pages[1].model_copy(update={"source": PageSource.UNREAD})
    document = _document("").model_copy(update={"pages": tuple(pages)})
    result = await _read(ReadingEngine(answer), _task(kind, schema), document)
    assert result.pages_read == (1, 3)
    assert result.status is TaskStatus.INCOMPLETE


async def test_a_long_document_is_classified_by_its_first_last_and_fullest_pages() -> None:
    """The result says which."""
    schema = {"type": "object", "properties": {"kind": {"enum": ["bill", "other"]}}}
    pages = [f"page {n}\n" + "x\n" * (300 if n == 5 else 60) for n in range(1, 21)]
    engine = ReadingEngine(lambda _: {"kind": "bill"})
    result = await _read(engine, _task(TaskKind.CLASSIFICATION, schema), _document(*pages))
    assert {1, 5, 20} <= set(result.pages_read)
    assert len(result.pages_read) == 4
    assert result.data == {"kind": "bill"}


async def test_a_packet_is_split_where_documents_begin() -> None:
    """Page numbers from 1, without gaps."""
    kinds = {"enum": ["bill", "letter"]}
    schema = {
        "type": "object",
        "properties": {
            "documents": {
                "type": "array",
                "items": {"type": "object", "properties": {"kind": kinds}},
            }
        },
    }

    def page(text: str) -> Any:
        own = text.rpartition("on:]")[2]
        return {"begins": "page 1" in own, "kind": "bill" if "bill" in own else "letter"}

    pages = ["bill page 1", "bill page 2", "letter page 1", "bill page 1", "bill page 2"]
    result = await _read(ReadingEngine(page), _task(TaskKind.PACKET, schema), _document(*pages))
    assert result.data["documents"] == [
        {"kind": "bill", "first_page": 1, "last_page": 2},
        {"kind": "letter", "first_page": 3, "last_page": 3},
        {"kind": "bill", "first_page": 4, "last_page": 5},
    ]


async def test_windows_that_are_done_are_kept_when_one_fails() -> None:
    """The next attempt asks for the rest."""
    answers: dict[str, Any] = {}
    pages = [f"C-{n} paid {n}" for n in (1, 2, 3)]
    task = _task(TaskKind.LIST, LIST, window_pages=1)

    class Failing(ReadingEngine):
        async def generate(self, request: EngineRequest) -> EngineAnswer:
            if "C-2 " in request.messages[-1]["content"].rpartition("on:]")[2]:
                raise RequestFailedError("busy")
            return await super().generate(request)

    with pytest.raises(StageError):
        await _read(Failing(_rows), task, _document(*pages), answers=answers)
    assert len(answers) == 2
    engine = ReadingEngine(_rows)
    result = await _read(engine, task, _document(*pages), answers=answers)
    assert len(engine.shown) == 1
    assert [row["claim"] for row in result.data["rows"]] == ["C-1", "C-2", "C-3"]
