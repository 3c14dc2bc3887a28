"""Metrics of one worker process: its counts and times, without those that the ledger holds.

The fleet's settings bound the values of a label: queues, tasks, adapters and codes, never jobs or
receivers. Times inside an attempt are measured with `step`, and count for the attempt's queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Literal, Protocol

from prometheus_client import Counter, Gauge, Histogram

from schemas.engine import EngineVersion
from schemas.failure import Failure
from schemas.result import TaskResult, Usage

Step = Literal[
    "fetch", "read", "store", "load", "gate", "engine", "validate", "publish", "lines", "files"
]
"""Step of an attempt:

- `fetch`: a document from its owner's store,
- `read`: a document's bytes to page text, in the sandbox,
- `store`: page text into the work bucket,
- `load`: page text out of it,
- `gate`: waiting until the engine has room,
- `engine`: one request, from being put to being answered,
- `validate`: an answer against its task's schema,
- `publish`: the result object,
- `lines`: jobs of a batch's lines,
- `files`: a batch's output files.
"""

# From a cached page text to the longest deadline of a task.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
# A record may wait in line for hours.
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400)

ATTEMPTS = Counter("docfleet_attempts", "Attempts that ended, by outcome.", ["queue", "outcome"])
ATTEMPT_SECONDS = Histogram(
    "docfleet_attempt_seconds",
    "From the claim until the outcome is written.",
    ["queue"],
    buckets=_SECONDS,
)
FAILURES = Counter("docfleet_attempt_failures", "Attempts that failed, by code.", ["queue", "code"])
INTERRUPTIONS = Counter(
    "docfleet_interruptions", "Attempts that were stopped from outside.", ["reason"]
)
LINE_WAIT_SECONDS = Histogram(
    "docfleet_line_wait_seconds",
    "From coming into a queue's line to being claimed, for each attempt.",
    ["queue"],
    buckets=_WAIT_SECONDS,
)
STEP_SECONDS = Histogram(
    "docfleet_step_seconds",
    "What attempts spend their time on.",
    ["queue", "step"],
    buckets=_SECONDS,
)
TASKS = Counter(
    "docfleet_tasks", "Tasks that came to a result.", ["queue", "task", "kind", "status"]
)
REPAIRS = Counter(
    "docfleet_repairs", "Answers that could not be used and were asked for again.", ["queue"]
)
TOKENS = {
    what: Counter(f"docfleet_{what}_tokens", words, ["queue", "model", "adapter"])
    for what, words in (
        ("prompt", "Tokens of prompts, cached ones included."),
        ("cached", "Tokens of prompts that the engine had in its prefix cache."),
        ("output", "Tokens that the engine made."),
    )
}
ENGINE_REQUESTS = Gauge(
    "docfleet_engine_requests", "Requests that the gate has let through.", ["queue"]
)
GATE_WAITING = Gauge("docfleet_gate_waiting", "Requests that wait at the gate.", ["queue"])
GATE_SLOTS = Gauge("docfleet_gate_slots", "Requests that the gate lets through now.", ["queue"])
TUNED_SLOTS = Gauge("docfleet_gate_tuned_slots", "The pool's tuned concurrency.", ["queue"])
SWEPT = Counter(
    "docfleet_swept_records",
    "Records that this worker's sweeps mended, by what was done.",
    ["what"],
)
WEBHOOK_SECONDS = Histogram(
    "docfleet_webhook_seconds",
    "Webhooks that were sent, by answer: a class of status, `none` or `forbidden`.",
    ["answer"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60),
)

_WORD_BEGINS = re.compile(r"(?<!^)(?=[A-Z])")
_queue: ContextVar[str] = ContextVar("queue", default="")


class GateState(Protocol):
    """Facts of a gate that metrics report."""

    @property
    def slots(self) -> int:
        """Return the maximum requests at once."""

    @property
    def inside(self) -> int:
        """Return the number of admitted requests."""

    @property
    def waiting(self) -> int:
        """Return the number of waiting requests."""


@contextmanager
def attempt_at(queue: str, *, waited_ms: int) -> Iterator[None]:
    """Measure the block as an attempt at a record of this queue, which waited in line."""
    LINE_WAIT_SECONDS.labels(queue).observe(waited_ms / 1000)
    token = _queue.set(queue)
    began = perf_counter()
    try:
        yield
    finally:
        ATTEMPT_SECONDS.labels(queue).observe(perf_counter() - began)
        _queue.reset(token)


@contextmanager
def step(name: Step) -> Iterator[None]:
    """Measure the block as a step of the attempt, even when it fails."""
    began = perf_counter()
    try:
        yield
    finally:
        STEP_SECONDS.labels(_queue.get(), name).observe(perf_counter() - began)


def count_outcome(queue: str, outcome: object, failure: Failure | None) -> None:
    """Count the outcome of an attempt by the name of its class: `DeadLetter` is `dead_letter`."""
    ATTEMPTS.labels(queue, _WORD_BEGINS.sub("_", type(outcome).__name__).lower()).inc()
    if failure is not None:
        FAILURES.labels(queue, failure.code).inc()


def count_interruption(reason: str) -> None:
    """Count an attempt that is stopped from outside."""
    INTERRUPTIONS.labels(reason).inc()


def count_task(name: str, result: TaskResult) -> None:
    """Count a task's result."""
    TASKS.labels(_queue.get(), name, result.kind, result.status).inc()


def count_repair() -> None:
    """Count an answer that is asked for again."""
    REPAIRS.labels(_queue.get()).inc()


def count_tokens(engine: EngineVersion, adapter: str | None, usage: Usage) -> None:
    """Count one answer's tokens."""
    for what, counter in TOKENS.items():
        count = getattr(usage, f"{what}_tokens")
        counter.labels(_queue.get(), engine.model, adapter or "").inc(count)


def count_swept(swept: Mapping[str, int]) -> None:
    """Count the repairs of a sweep."""
    for what, count in swept.items():
        SWEPT.labels(what).inc(count)


def watch_gate(queue: str, gate: GateState, tuned: int) -> None:
    """Report the gate each time the metrics are read."""
    REPAIRS.labels(queue)  # Prometheus sees a series grow, not appear
    TUNED_SLOTS.labels(queue).set(tuned)
    GATE_SLOTS.labels(queue).set_function(lambda: gate.slots)
    GATE_WAITING.labels(queue).set_function(lambda: gate.waiting)
    ENGINE_REQUESTS.labels(queue).set_function(lambda: gate.inside)


def observe_webhook(status: int | None, seconds: float, *, forbidden: bool) -> None:
    """Count a webhook and how long its receiver took."""
    answer = "forbidden" if forbidden else "none"
    if status is not None:
        answer = f"{status // 100}xx"
    WEBHOOK_SECONDS.labels(answer).observe(seconds)
