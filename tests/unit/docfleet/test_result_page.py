"""The page of a result: values beside the pages that give them, and nothing that is obeyed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docfleet.commands.html.highlights import Highlight, pieces
from docfleet.commands.html.page import result_page
from docfleet.commands.html.style import POLICY
from schemas.document import Page, PageSource, PageText
from schemas.engine import EngineVersion
from schemas.failure import Failure, FailureCode
from schemas.result import (
    DocumentFacts,
    Evidence,
    JobResult,
    Match,
    TaskResult,
    TaskStatus,
    Timings,
    Usage,
)
from schemas.states import JobState
from schemas.task import TaskKind

NOW = "2026-05-03T12:45:45Z"
HOSTILE = '"><script>alert(1)</script><img src=//x onerror=alert(1)>\x01\u202e\ud800'


class _Reader(HTMLParser):
    """Gathers elements with their attributes, and the text of marks by anchor."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.marks: list[tuple[str, str]] = []
        self.text = ""
        self._in_mark = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "mark":
            self.marks.append((dict(attrs)["class"] or "", ""))
            self._in_mark = True

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = self._in_mark and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_mark:
            name, words = self.marks[-1]
            self.marks[-1] = (name, words + data)


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def _result(**task: Any) -> JobResult:
    made = {"status": TaskStatus.SUCCEEDED, "version": "1", "kind": TaskKind.EXTRACTION, **task}
    return JobResult(
        job_id="job_" + "0" * 24,
        state=JobState.SUCCEEDED,
        tenant="default",
        document=DocumentFacts(
            uri="s3://incoming/a.pdf", name=HOSTILE, sha256="0", media_type="text/plain",
            size=1, pages=2, tokens=1, unread_pages=(2,),
        ),
        metadata={},
        tasks={"fnol": TaskResult.model_validate(made)},
        engine=EngineVersion(kind="scripted", version="0", model="m", model_sha256="0"),
        pool="cpu",
        worker="w",
        usage=Usage(),
        timings=Timings.model_validate(
            {"submitted_at": NOW, "finished_at": NOW, "infer_seconds": 0}
        ),
    )  # fmt: skip


def _text(*pages: str, **last: Any) -> PageText:
    placed = [Page(number=number, text=text, start=0) for number, text in enumerate(pages, start=1)]
    placed[-1] = placed[-1].model_copy(update=last)
    return PageText(sha256="0" * 64, media_type="text/plain", size=1, pages=tuple(placed))


def _at(start: int, end: int, match: Match = Match.EXACT) -> Evidence:
    return Evidence(page=1, start=start, end=end, quote="", match=match)


def test_each_value_is_marked_where_it_stands_and_linked_to_its_place() -> None:
    """Overlapping values, one that stands nowhere, one that is the task's own word."""
    text = "Jane Roe lost $1,200.00."
    html = result_page(
        _result(
            data={
                "name": "Jane Roe",
                "first": "Jane",
                "loss": "1200.00",
                "made": "up",
                "c": "Hail",
            },
            evidence={
                "/name": _at(0, 8),
                "/first": _at(0, 4),
                "/loss": _at(14, 23, Match.NORMALIZED),
                "/made": Evidence(match=Match.UNGROUNDED),
            },
            confidence={"/name": 0.5},
            needs_review=("/made: ungrounded", "document: unread pages 2"),
            alternatives={"/loss": ("9.00",)},
        ),
        _text(text, "scan", source=PageSource.UNREAD),
    )
    found = _read(html)
    assert found.marks == [("exact", "Jane"), ("exact", " Roe"), ("normalized", "$1,200.00")]
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {attrs["href"] for tag, attrs in found.elements if tag == "a"}
    assert links == {"#v0", "#v1", "#v2", "#at-v0", "#at-v1", "#at-v2"}
    assert {link[1:] for link in links if link} <= set(ids)
    rows = {attrs["id"]: attrs["class"] for tag, attrs in found.elements if tag == "tr" and attrs}
    assert rows == {"v0": "exact", "v1": "exact", "v2": "normalized", "v3": "ungrounded",
                    "v4": "none"}  # fmt: skip
    for words in ("stands nowhere", "or 9.00", "0.50", "Pages that could not be read: 2",
                  "Unread pages 2", "could not be read.", "own word"):  # fmt: skip
        assert words in found.text, words


def test_nothing_of_a_document_is_obeyed_and_nothing_is_loaded() -> None:
    """Its text, its name, its values and its answer are shown, with control characters as signs."""
    html = result_page(
        _result(
            data={HOSTILE: HOSTILE, "b": [HOSTILE, {"c": None}]},
            evidence={f"/{HOSTILE.replace('/', '~1')}": _at(0, 5)},
            needs_review=(f"document: {HOSTILE}",),
        ),
        _text(HOSTILE, HOSTILE, part=HOSTILE),
    )
    found = _read(html)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "image", "base"}
    for tag, attrs in found.elements:
        assert not [name for name in attrs if name.startswith("on") or name in {"src", "style"}], (
            tag
        )
        assert (attrs.get("href") or "#").startswith("#")
    assert POLICY in re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[0]
    assert "\x01" not in html
    assert "\u2401" in html
    html.encode()
    assert found.text.count("<script>alert(1)</script>") >= 6


def test_words_with_boxes_are_drawn_where_they_stand() -> None:
    """And those of a value are marked there too."""
    words = ((0, 4, 0.1, 0.2, 0.3, 0.25), (5, 8, 0.4, 0.2, 0.5, 0.25))
    html = result_page(
        _result(data={"a": "Roe"}, evidence={"/a": _at(5, 8, Match.FUZZY)}),
        _text("Jane Roe", words=words, source=PageSource.OCR),
    )
    drawn = [(tag, attrs) for tag, attrs in _read(html).elements if tag in {"rect", "text"}]
    sheet, jane, mark, roe = drawn
    assert (sheet[1]["class"], mark[1]["class"]) == ("sheet", "fuzzy")
    assert (jane[1]["x"], roe[1]["x"], mark[1]["x"], mark[1]["width"]) == (
        "100.0", "400.0", "400.0", "100.0",
    )  # fmt: skip
    assert "by OCR" in html


@pytest.mark.parametrize("text", [None, _text("a")])
def test_a_task_that_failed_and_a_text_that_is_gone_are_told_of(text: PageText | None) -> None:
    """With the answer that could not be used."""
    failure = Failure.of(FailureCode.OUTPUT_TRUNCATED, "Cut off after 9 tokens.")
    html = result_page(
        _result(status=TaskStatus.FAILED, failure=failure, raw_output='{"a": "<b>'), text
    )
    said = _read(html).text
    assert "output.truncated: Cut off" in said
    assert '{"a": "<b>' in said
    assert ("was deleted" in said) == (text is None)


spans = st.tuples(st.integers(-3, 30), st.integers(-3, 30))


@given(st.integers(0, 25), st.lists(spans, max_size=8))
def test_pieces_cover_a_page_once_in_order(length: int, found: list[tuple[int, int]]) -> None:
    """Whatever highlights overlap, and however wrong they are."""
    marks = [
        Highlight(f"v{number}", "", start, end, Match.EXACT)
        for number, (start, end) in enumerate(found)
    ]
    cut = list(pieces(length, marks))
    assert [index for one in cut for index in range(one.start, one.end)] == list(range(length))
    for one in cut:
        for mark in one.highlights:
            assert mark.start <= one.start < one.end <= mark.end
