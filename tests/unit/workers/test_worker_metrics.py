"""Metrics of workers, and their names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import REGISTRY

from schemas.failure import Failure, FailureCode
from workers import metrics
from workers.engine.gate import Gate
from workers.outcome import Outcome
from workers.runtime.attempts import Interruption

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
QUEUE = "infer.counted"


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def _said_of(metric: str) -> set[str]:
    """The values that the page lists of a metric's label."""
    (row,) = re.findall(rf"^\| `{metric}` \|[^|]*\|(.*)\|$", PAGE, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", row))


def test_outcomes_are_counted_by_the_names_that_the_page_lists() -> None:
    """Each kind of outcome there is."""
    counted = set()
    for kind in get_args(Outcome):
        metrics.count_outcome(QUEUE, kind.__new__(kind), None)
        for sample in metrics.ATTEMPTS.collect()[0].samples:
            if sample.labels["queue"] == QUEUE:
                counted.add(sample.labels["outcome"])
    assert counted == _said_of("docfleet_attempts_total")


def test_reasons_and_steps_are_those_that_the_page_lists() -> None:
    """Nothing else is counted."""
    reasons = {reason.name.lower() for reason in Interruption}
    assert reasons == _said_of("docfleet_interruptions_total")
    assert set(get_args(metrics.Step)) == _said_of("docfleet_step_seconds")


def test_a_failure_is_counted_by_its_code() -> None:
    """The label is the failure code."""
    queue = "infer.failed"
    name, labels = "docfleet_attempt_failures_total", {"queue": queue, "code": "engine.crashed"}
    before = _value(name, **labels)
    failure = Failure.of(FailureCode.ENGINE_CRASHED, "It died.")
    metrics.count_outcome(queue, object(), failure)
    assert _value(name, **labels) == before + 1


async def test_the_gate_is_read_when_it_is_asked_for() -> None:
    """The gate shows the admitted and the waiting requests, its size, and its maximum."""
    gate = Gate(3)
    metrics.watch_gate(QUEUE, gate, 3)
    gate.resize(2)
    async with gate.passage():
        assert _value("docfleet_engine_requests", queue=QUEUE) == 1
    assert _value("docfleet_engine_requests", queue=QUEUE) == 0
    assert _value("docfleet_gate_waiting", queue=QUEUE) == 0
    assert _value("docfleet_gate_slots", queue=QUEUE) == 2
    assert _value("docfleet_gate_tuned_slots", queue=QUEUE) == 3


def test_a_step_belongs_to_the_attempt_that_takes_it() -> None:
    """A failed step is counted too."""
    labels = {"queue": QUEUE, "step": "fetch"}
    before = _value("docfleet_step_seconds_count", **labels)
    with (
        pytest.raises(OSError, match="gone"),
        metrics.attempt_at(QUEUE, waited_ms=1500),
        metrics.step("fetch"),
    ):
        raise OSError("gone")
    assert _value("docfleet_step_seconds_count", **labels) == before + 1
    assert _value("docfleet_line_wait_seconds_sum", queue=QUEUE) >= 1.5


@pytest.mark.parametrize(
    ("status", "forbidden", "answer"),
    [(204, False, "2xx"), (301, False, "3xx"), (None, False, "none"), (None, True, "forbidden")],
)
def test_a_webhook_is_counted_by_the_class_of_its_answer(
    status: int | None, *, forbidden: bool, answer: str
) -> None:
    """No label says which receiver it was."""
    before = _value("docfleet_webhook_seconds_count", answer=answer)
    metrics.observe_webhook(status, 0.1, forbidden=forbidden)
    assert _value("docfleet_webhook_seconds_count", answer=answer) == before + 1
