"""Decision after a failure: one pure function."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.claim import Claim
from schemas.failure import ENGINE_DEATHS, Failure, FailureCode
from workers.outcome import Alone, DeadLetter, Decision, Escalate, Retry
from workers.routing import NO_FALLBACK_POOLS, FallbackPools

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0
_OUTAGES = frozenset({FailureCode.STORAGE_UNAVAILABLE, FailureCode.STORAGE_REFUSED})
_OUTAGE_ATTEMPTS = 12
"""Attempts during an outage, for about five minutes: a restarting store must not fill the dead
letters."""


@dataclass(frozen=True, slots=True)
class History:
    """History of a record, and the pools that it could go to.

    Attributes:
        attempt: The number of the attempt that failed, from 1.
        attempts: Maximum attempts of a stage.
        jitter: From 0 to 1; spreads the retries of records that failed together.
        alone: True when the record ran alone.
        outage_seconds: Seconds for which the object store has been failing, if it failed the
            attempt.
        larger: Queue of the next pool with more memory, if there is one.
        longer: Queue of the next pool with a longer context, if there is one.
    """

    attempt: int
    attempts: int
    jitter: float
    alone: bool = False
    outage_seconds: float | None = None
    larger: str | None = None
    longer: str | None = None


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """Limits of a stage's attempts.

    Attributes:
        attempts: Maximum charged attempts.
        ways: Pools for jobs that need more than their own.
    """

    attempts: int
    ways: FallbackPools = NO_FALLBACK_POOLS


def history_of(
    claim: Claim, limits: RetryLimits, *, outage_seconds: float | None = None
) -> History:
    """Return the facts about a record's past.

    Args:
        claim: Claim of the attempt.
        limits: Limits of the stage.
        outage_seconds: Seconds for which the object store has been failing, if it failed the
            attempt.
    """
    return History(
        attempt=claim.attempt,
        attempts=limits.attempts,
        jitter=claim.jitter,
        alone=claim.suspect,
        outage_seconds=outage_seconds,
        larger=limits.ways.larger,
        longer=limits.ways.longer,
    )


def decide(failure: Failure, history: History) -> Decision:
    """Decide what follows a failure.

    Retry in-flight jobs alone after an engine's death, which proves nothing against any of them.
    Out of memory alone: larger pool. Unexplained death alone: charge an attempt, since it may be
    somebody's `kill`. An outage of the object store charges no attempt: the longer it lasts, the
    longer each job waits.
    """
    if history.outage_seconds is not None:
        return Retry(failure, _wait(history.outage_seconds, history), charged=False)
    if failure.code in ENGINE_DEATHS and not history.alone:
        return Alone(failure)
    queue = _way_out(failure.code, history)
    if queue is not None:
        return Escalate(failure, queue)
    if failure.code is FailureCode.ENGINE_OUT_OF_MEMORY:
        return DeadLetter(failure)
    limit = history.attempts
    if failure.code in _OUTAGES:
        limit = max(limit, _OUTAGE_ATTEMPTS)
    if not failure.transient or history.attempt >= limit:
        return DeadLetter(failure)
    return Retry(failure, _wait(_FIRST_WAIT_SECONDS * 2 ** (history.attempt - 1), history))


def _wait(seconds: float, history: History) -> float:
    wait = min(max(seconds, _FIRST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
    return wait * (0.5 + history.jitter)


def _way_out(code: FailureCode, history: History) -> str | None:
    """Return the queue of a pool that has what this one lacks."""
    if code is FailureCode.ENGINE_OUT_OF_MEMORY:
        return history.larger
    if code is FailureCode.DOCUMENT_TOO_LONG:
        return history.longer
    return None


def most_hopeful(decisions: list[Decision]) -> Decision | None:
    """Return one decision for a job whose tasks' failures call for different ones.

    Running alone comes before another pool, and another pool before a later attempt; None when
    nothing is left to try.
    """
    for kind in (Alone, Escalate, Retry):
        fitting = [decision for decision in decisions if isinstance(decision, kind)]
        if fitting:
            return max(fitting, key=lambda one: getattr(one, "wait_seconds", 0))
    return None
