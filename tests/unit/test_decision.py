"""What is done after each failure."""

from __future__ import annotations

import pytest

from schemas.failure import FAILURES, Failure, FailureClass, FailureCode
from schemas.states import JobState
from workers.decision import decide
from workers.outcome import Finished, Postponed


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_says_what_it_means_and_what_to_do(code: FailureCode) -> None:
    """Each code has a meaning, a class and a remedy."""
    info = FAILURES[code]
    assert info.meaning.endswith(".")
    assert info.remedy.endswith(".")


@pytest.mark.parametrize("code", FailureCode)
def test_a_permanent_failure_is_a_dead_letter_at_once_and_a_transient_one_waits(
    code: FailureCode,
) -> None:
    """The first attempt's failure is retried only where trying again can help."""
    decision = decide(Failure.of(code, "It broke."), attempt=1, attempts=3, jitter=0.5)
    if FAILURES[code].failure_class is FailureClass.TRANSIENT:
        assert isinstance(decision, Postponed)
    else:
        assert decision == Finished(JobState.DEAD, failure=Failure.of(code, "It broke."))


def test_the_last_attempt_is_followed_by_a_dead_letter() -> None:
    """A transient failure is retried while attempts are left."""
    failure = Failure.of(FailureCode.ENGINE_ERROR, "x")
    assert isinstance(decide(failure, attempt=2, attempts=3, jitter=0), Postponed)
    assert isinstance(decide(failure, attempt=3, attempts=3, jitter=0), Finished)


def test_an_outage_of_the_store_is_waited_out_longer() -> None:
    """Twelve attempts, whatever a stage may use otherwise."""
    failure = Failure.of(FailureCode.STORAGE_UNAVAILABLE, "503.")
    assert isinstance(decide(failure, attempt=11, attempts=3, jitter=0), Postponed)
    assert isinstance(decide(failure, attempt=12, attempts=3, jitter=0), Finished)


def test_waits_double_up_to_a_bound() -> None:
    """Backoff grows, jitter spreads it by half either way, and it never passes 90 seconds."""
    failure = Failure.of(FailureCode.ENGINE_ERROR, "x")

    def wait(attempt: int, jitter: float) -> float:
        decision = decide(failure, attempt=attempt, attempts=99, jitter=jitter)
        assert isinstance(decision, Postponed)
        return decision.wait_seconds

    assert [wait(n, 0.5) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert (wait(1, 0), wait(1, 1)) == (0.5, 1.5)
    assert wait(50, 1) == 90
