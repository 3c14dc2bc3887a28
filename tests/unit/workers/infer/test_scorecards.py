"""Sums of scorecards."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.failure import Failure, FailureCode
from schemas.result import Evidence, Match, TaskResult, TaskStatus, Verdict
from schemas.scorecard import Indicator, Scorecard
from schemas.task import Task, TaskKind
from workers.infer.scorecards import gather


def _task(name: str, *, most: int = 10) -> Task:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["score"],
        "properties": {"score": {"type": "integer", "minimum": 0, "maximum": most}},
    }
    return Task(
        name=name, version="1", kind=TaskKind.SCORING, instructions="Score.", output_schema=schema
    )


def _scored(score: int, **more: Any) -> TaskResult:
    return TaskResult(
        status=TaskStatus.SUCCEEDED,
        version="1",
        kind=TaskKind.SCORING,
        data={"score": score},
        **more,
    )


FAILED = TaskResult(
    status=TaskStatus.FAILED,
    version="1",
    kind=TaskKind.SCORING,
    failure=Failure.of(FailureCode.OUTPUT_INVALID, "The answer is no JSON."),
)
TASKS = {name: _task(name) for name in ("greeting", "empathy")}
TASKS["notice"] = _task("notice", most=1)
CARD = Scorecard(
    name="card",
    version="3",
    pass_at=60,
    indicators={
        "greeting": Indicator(pass_at=6),
        "empathy": Indicator(weight=3),
        "notice": Indicator(pass_at=1, critical=True),
    },
)


def test_percentages_are_weighted_on_each_tasks_own_scale() -> None:
    """(50 + 3 * 80 + 100) / 5."""
    found = gather(
        CARD, {"greeting": _scored(5), "empathy": _scored(8), "notice": _scored(1)}, TASKS
    )
    assert found.version == "3"
    assert found.aggregate.percent == pytest.approx(78)
    assert (found.aggregate.verdict, found.aggregate.scored) == (Verdict.PASS, 3)
    verdicts = {name: one.verdict for name, one in found.indicators.items()}
    assert verdicts == {"greeting": Verdict.FAIL, "empathy": None, "notice": Verdict.PASS}


def test_a_critical_indicator_fails_the_whole_card() -> None:
    """Whatever the others say."""
    found = gather(
        CARD, {"greeting": _scored(10), "empathy": _scored(10), "notice": _scored(0)}, TASKS
    )
    assert found.aggregate.verdict is Verdict.FAIL
    assert found.aggregate.failed_critical == ("notice",)


def test_a_card_with_a_missing_indicator_does_not_pass() -> None:
    """Its mean is that of the others, and says so; nobody knows whether it would pass."""
    found = gather(CARD, {"greeting": _scored(10), "empathy": FAILED, "notice": _scored(1)}, TASKS)
    assert found.aggregate.percent == 100
    assert (found.aggregate.verdict, found.aggregate.missing) == (None, ("empathy",))
    assert found.indicators["empathy"].failure == FAILED.failure
    assert found.indicators["empathy"].score is None


def test_a_card_without_points_has_no_percentage() -> None:
    """And no verdict."""
    found = gather(CARD, dict.fromkeys(TASKS, FAILED), TASKS)
    assert (found.aggregate.percent, found.aggregate.verdict) == (None, None)


def test_an_indicator_has_its_confidence_and_its_quote() -> None:
    """Both are those of the task's result."""
    quote = Evidence(page=1, start=0, end=5, quote="Hello", match=Match.EXACT)
    scored = _scored(5, confidence={"/score": 0.7}, evidence={"/quote": quote})
    found = gather(CARD, {"greeting": scored, "empathy": FAILED, "notice": FAILED}, TASKS)
    assert (found.indicators["greeting"].confidence, found.indicators["greeting"].quote) == (
        0.7,
        quote,
    )
