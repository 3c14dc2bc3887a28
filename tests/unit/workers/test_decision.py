"""Decisions after each failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.failure import FAILURES, Failure, FailureClass, FailureCode
from workers.outcome import Alone, DeadLetter, Decision, Escalate, Retry
from workers.retry_policy import History, decide, most_hopeful

C = FailureCode
FIRST = History(attempt=1, attempts=3, jitter=0.5)
LAST = replace(FIRST, attempt=3)
ALONE = replace(FIRST, alone=True)
WITH_POOLS = {"larger": "infer.large", "longer": "infer.long"}

PERMANENT = {
    C.DOCUMENT_MISSING, C.DOCUMENT_FORBIDDEN, C.DOCUMENT_EMPTY, C.DOCUMENT_TOO_LARGE,
    C.DOCUMENT_TOO_LONG, C.DOCUMENT_UNSUPPORTED, C.DOCUMENT_ENCRYPTED, C.DOCUMENT_CORRUPT,
    C.DOCUMENT_CHANGED, C.DOCUMENT_NO_TEXT, C.DOCUMENT_UNREAD_PAGES, C.DOCUMENT_EXHAUSTING,
    C.TASK_UNKNOWN, C.ADAPTER_MISSING,
    C.ADAPTER_INVALID, C.OUTPUT_TRUNCATED, C.OUTPUT_INVALID, C.OUTPUT_TOO_LARGE, C.REQUEST_INVALID,
    C.ENGINE_REFUSED, C.DELIVERY_GONE, C.DELIVERY_FORBIDDEN, C.DELIVERY_DISABLED,
}  # fmt: skip
RETRIED = {
    C.ENGINE_ERROR, C.REQUEST_TIMEOUT, C.STORAGE_UNAVAILABLE, C.STORAGE_REFUSED, C.WORKER_KILLED,
    C.WORKER_ERROR, C.QUEUE_UNDELIVERABLE, C.DELIVERY_REFUSED, C.DELIVERY_UNREACHABLE,
    C.DELIVERY_UNSIGNED,
}  # fmt: skip
DEATHS = {C.ENGINE_CRASHED, C.ENGINE_OUT_OF_MEMORY}


def _kind(code: FailureCode, history: History) -> type[Decision]:
    return type(decide(Failure.of(code, "It broke."), history))


def test_the_table_below_has_every_code_once() -> None:
    """A new code must say here what is done about it."""
    assert sorted([*PERMANENT, *RETRIED, *DEATHS]) == sorted(FailureCode)


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_says_what_it_means_and_what_to_do(code: FailureCode) -> None:
    """Each code has a meaning, a class and a remedy."""
    info = FAILURES[code]
    assert info.meaning.endswith(".")
    assert info.remedy.endswith(".")
    assert (info.failure_class is FailureClass.PERMANENT) == (code in PERMANENT)


@pytest.mark.parametrize("code", sorted(PERMANENT))
def test_what_fails_the_same_way_each_time_is_a_dead_letter_at_once(code: FailureCode) -> None:
    """No pool has what this one lacks."""
    assert _kind(code, FIRST) is DeadLetter


@pytest.mark.parametrize("code", sorted(RETRIED))
def test_what_may_pass_is_tried_again_until_the_attempts_are_used(code: FailureCode) -> None:
    """An outage of the store has more attempts than the stage."""
    outage = code in {C.STORAGE_UNAVAILABLE, C.STORAGE_REFUSED}
    assert _kind(code, FIRST) is Retry
    assert _kind(code, LAST) is (Retry if outage else DeadLetter)
    assert _kind(code, replace(LAST, attempt=12)) is DeadLetter


@pytest.mark.parametrize("code", sorted(DEATHS))
@pytest.mark.parametrize("history", [FIRST, LAST, replace(LAST, **WITH_POOLS)])
def test_whoever_was_in_flight_with_others_when_the_engine_died_runs_alone(
    code: FailureCode, history: History
) -> None:
    """However many attempts are used: nothing is proven against it."""
    assert _kind(code, history) is Alone


def test_who_runs_out_of_memory_alone_goes_to_a_larger_pool_or_to_the_dead_letters() -> None:
    """The same pool has no more memory the next time."""
    failure = Failure.of(C.ENGINE_OUT_OF_MEMORY, "32 GiB were asked for.")
    assert decide(failure, ALONE) == DeadLetter(failure)
    somewhere = replace(ALONE, **WITH_POOLS)
    assert decide(failure, somewhere) == Escalate(failure, "infer.large")


def test_a_death_alone_that_nothing_explains_counts_as_an_attempt() -> None:
    """The death may have been somebody's kill; a larger pool would not help."""
    assert _kind(C.ENGINE_CRASHED, replace(ALONE, **WITH_POOLS)) is Retry
    assert _kind(C.ENGINE_CRASHED, replace(ALONE, attempt=3)) is DeadLetter


def test_a_prompt_that_is_too_long_goes_where_the_context_is_longer() -> None:
    """A pool with more memory and the same context is none."""
    failure = Failure.of(C.DOCUMENT_TOO_LONG, "9,000 tokens.")
    assert decide(failure, replace(FIRST, longer="infer.long")) == Escalate(failure, "infer.long")
    assert decide(failure, replace(FIRST, larger="infer.large")) == DeadLetter(failure)


def test_while_the_store_is_unwell_nobody_is_charged_and_each_waits_as_long_as_that_lasts() -> None:
    """However often it was tried; from one second up to a minute, with jitter."""
    failure = Failure.of(C.STORAGE_UNAVAILABLE, "It breaks off.")
    for seconds, wait in ((0.01, 1), (20, 20), (7200, 60)):
        history = replace(LAST, attempt=40, outage_seconds=seconds)
        assert decide(failure, history) == Retry(failure, wait, charged=False)


def test_waits_double_up_to_a_bound() -> None:
    """Backoff grows, jitter spreads it by half either way, and it never passes 90 seconds."""
    failure = Failure.of(C.ENGINE_ERROR, "x")

    def wait(attempt: int, jitter: float) -> float:
        decision = decide(failure, History(attempt=attempt, attempts=99, jitter=jitter))
        assert isinstance(decision, Retry)
        return decision.wait_seconds

    assert [wait(n, 0.5) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert (wait(1, 0), wait(1, 1)) == (0.5, 1.5)
    assert wait(50, 1) == 90


def test_of_several_tasks_failures_the_one_that_promises_most_decides() -> None:
    """Alone before elsewhere, elsewhere before later, and of those the longest wait."""
    failure = Failure.of(C.ENGINE_ERROR, "x")
    dead, soon, late = DeadLetter(failure), Retry(failure, 1), Retry(failure, 9)
    elsewhere, alone = Escalate(failure, "infer.large"), Alone(failure)
    assert most_hopeful([dead, soon, late, elsewhere, alone]) == alone
    assert most_hopeful([soon, elsewhere, dead]) == elsewhere
    assert most_hopeful([soon, dead, late]) == late
    assert most_hopeful([dead, dead]) is None
