"""How dead letters look on a terminal."""

from __future__ import annotations

import shlex
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import HttpUrl

from docfleet.commands.texts.dead_letter import (
    HEADINGS,
    ViewOptions,
    letter_card,
    letter_cells,
    letter_lines,
    shortened,
    summary,
)
from schemas.dead_letter import DeadLetter, DeadLetterKind
from schemas.document import DocumentRef
from schemas.engine import EngineVersion
from schemas.failure import FAILURES, Failure, FailureCode
from schemas.job import Attempt
from schemas.kept import KeptTasks
from schemas.result import TaskResult, TaskStatus
from schemas.states import Stage
from schemas.task import TaskKind

NOW = datetime(2025, 5, 3, 12, tzinfo=UTC)
NO_MEMORY = Failure.of(FailureCode.ENGINE_OUT_OF_MEMORY, "CUDA out of memory\nTried 2 GiB")
ENGINE = EngineVersion(kind="vllm", version="0.32.0", model="claims", model_sha256="ab" * 32)
JOB = DeadLetter(
    id="job_" + "a" * 24,
    kind=DeadLetterKind.JOB,
    tenant="acme",
    failure=NO_MEMORY,
    dead_since=NOW - timedelta(hours=3),
    created_at=NOW - timedelta(hours=4),
    queue="infer.t4",
    attempts=1,
    redrives=2,
    history=(
        Attempt(
            at=NOW - timedelta(hours=3),
            stage=Stage.INFER,
            number=1,
            worker="w1",
            seconds=2.25,
            charged=False,
            engine=ENGINE,
            failure=NO_MEMORY,
        ),
    ),
    tasks=("fnol", "summary"),
    stage=Stage.INFER,
    document=DocumentRef(uri="s3://incoming/claim.pdf"),
    kept_uri="s3://work/kept/a.json",
)
DELIVERY = DeadLetter(
    id="msg_" + "a" * 24 + "_dead",
    kind=DeadLetterKind.DELIVERY,
    tenant="acme",
    failure=Failure.of(FailureCode.DELIVERY_REFUSED, "The receiver answered 500."),
    dead_since=NOW,
    created_at=NOW,
    queue="deliver",
    attempts=10,
    job_id=JOB.id,
    url=HttpUrl("https://claims.example/docfleet"),
)
AROUND = ViewOptions(NOW, pools=("t4", "a100"))


def _kept(raw: str) -> KeptTasks:
    failure = Failure.of(FailureCode.OUTPUT_INVALID, "It is no JSON.", "fnol")
    task = TaskResult(
        status=TaskStatus.FAILED,
        version="3",
        kind=TaskKind.EXTRACTION,
        failure=failure,
        raw_output=raw,
    )
    return KeptTasks(redrive=0, tasks={"fnol": task})


def _text(letter: DeadLetter, kept: KeptTasks | str | None, around: ViewOptions = AROUND) -> str:
    return "\n".join(letter_lines(letter, kept, around))


def test_a_row_has_a_cell_for_each_heading_and_no_line_breaks() -> None:
    """An empty cell has a dash."""
    for letter in (JOB, DELIVERY):
        cells = letter_cells(letter, NOW)
        assert len(cells) == len(HEADINGS)
        assert all(cell and "\n" not in cell for cell in cells)
    assert letter_cells(JOB, NOW)[2:8] == (
        "engine.out_of_memory", "fnol, summary", "acme", "3h", "1", "2",
    )  # fmt: skip


def test_a_card_says_what_a_row_says() -> None:
    """Each cell is there."""
    card = "\n".join(letter_card(JOB, NOW))
    assert all(cell in card for cell in letter_cells(JOB, NOW))


def test_a_long_text_is_cut_where_there_is_no_more_room() -> None:
    """Even inside a word, and never one that fits."""
    assert shortened("abcde", 5) == "abcde"
    assert shortened("abcdef", 5) == "abcd…"


def test_the_summary_counts_the_codes_the_most_frequent_first() -> None:
    """In the singular where there is one."""
    assert summary(Counter()) == "no dead letters"
    assert summary(Counter({"a.b": 1})) == "1 dead letter: 1 a.b"
    three = summary(Counter({"delivery.refused": 1, "engine.out_of_memory": 2}))
    assert three == "3 dead letters: 2 engine.out_of_memory, 1 delivery.refused"


def test_all_that_is_known_of_a_job_is_told() -> None:
    """For a reader who has never heard of it."""
    text = _text(JOB, None)
    for words in (
        "stage infer (page text to results)",
        "queue infer.t4",
        "s3://incoming/claim.pdf",
        "acme",
        "2025-05-03 09:00:00 UTC, 3h ago",
        "transient",
        FAILURES[FailureCode.ENGINE_OUT_OF_MEMORY].meaning,
        FAILURES[FailureCode.ENGINE_OUT_OF_MEMORY].remedy,
        "Tried 2 GiB",
        "worker w1, 2.2 s, not charged",
        "engine vllm 0.32.0, model claims (sha256 abababababab)",
    ):
        assert words in text, text


def test_a_delivery_tells_whom_it_did_not_reach_and_of_which_job() -> None:
    """The letter has no document and no tasks of its own."""
    text = _text(DELIVERY, None)
    assert "https://claims.example/docfleet was not told" in text
    assert JOB.id in text
    assert "document" not in text
    assert "none is remembered" in text


@pytest.mark.parametrize(
    ("letter", "pools"), [(JOB, ["a100"]), (DELIVERY, [])], ids=["memory", "delivery"]
)
def test_the_commands_can_be_typed_as_they_stand(letter: DeadLetter, pools: list[str]) -> None:
    """Another pool is offered where it may help, and never the one where it died."""
    options = ("--state-dir", "/tmp/my stack")  # noqa: S108  # a path to quote, never opened
    around = ViewOptions(NOW, pools=("t4", "a100"), options=options)
    commands = [
        shlex.split(line)
        for line in letter_lines(letter, None, around)
        if line.startswith("  docfleet ")
    ]
    head = ["docfleet", "dead-letters"]
    assert commands == [
        [*head, "redrive", letter.id, *options],
        *([*head, "redrive", letter.id, "--pool", pool, *options] for pool in pools),
        [*head, "redrive", "--all", "--code", letter.failure.code, *options],
        [*head, "drop", letter.id, *options],
    ]


def test_a_raw_answer_is_cut_unless_all_of_it_is_asked_for() -> None:
    """Each of its lines is marked as not ours."""
    kept = _kept("first\n" + "x" * 1000)
    text = _text(JOB, kept)
    assert "| first" in text
    assert "x" * 395 not in text
    assert "--raw" in text
    whole = _text(JOB, kept, ViewOptions(NOW, raw=True))
    assert "x" * 1000 in whole
    assert "--raw" not in whole


def test_a_short_raw_answer_is_shown_whole_without_a_hint() -> None:
    """There is no more to see."""
    assert "--raw" not in _text(JOB, _kept("{"))


def test_what_was_kept_and_cannot_be_read_is_said() -> None:
    """Why, or that it is gone."""
    assert "cannot be read now: The store is away." in _text(JOB, "The store is away")
    assert "deleted from the bucket" in _text(JOB, None)
    assert "kept" not in _text(JOB.model_copy(update={"kept_uri": None}), None)


def test_nothing_that_a_document_or_a_model_says_steers_the_terminal() -> None:
    """Neither escapes nor marks that turn the direction of writing."""
    evil = JOB.model_copy(
        update={
            "failure": Failure.of(FailureCode.OUTPUT_INVALID, "\x1b]0;evil\x07"),
            "document": DocumentRef(uri="s3://b/k\x1b[2J", name="\x1b[2Jclaim.pdf"),
        }
    )
    kept = _kept("\x1b[2J{")
    assert "\x1b" not in _text(evil, kept)
    assert "\x1b" not in "".join(letter_cells(evil, NOW))
