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
"""Some five minutes at least: a store that restarts must not fill the dead letters."""


@dataclass(frozen=True, slots=True)
class History:
    """History of a record, and the pools that it could go to.

    Attributes:
        attempt: The number of the attempt that failed, from 1.
        attempts: How many a stage may use.
        jitter: From 0 to 1; spreads the retries of records that failed together.
        alone: Whether the record ran with no other beside it.
        outage_seconds: How long the object store has been unwell, where it failed the attempt.
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
        ways: Pools that a job can go to when its own is not enough.
    """

    attempts: int
    ways: FallbackPools = NO_FALLBACK_POOLS


def history_of(
    claim: Claim, limits: RetryLimits, *, outage_seconds: float | None = None
) -> History:
    """Return what an attempt knows of its record's past.

    Args:
        claim: The attempt's.
        limits: Of the stage.
        outage_seconds: How long the object store has been unwell, where it failed the attempt.
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

    An engine's death proves nothing against those it took along, so they run alone next. Who is
    alone when memory runs out needs more of it. A death alone that the engine's log does not
    explain may still be somebody's `kill`: it counts as an attempt. While the object store is
    unwell nobody is charged for it: the longer that lasts, the longer each waits.
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
    """The queue of a pool that has what this one lacks."""
    if code is FailureCode.ENGINE_OUT_OF_MEMORY:
        return history.larger
    if code is FailureCode.DOCUMENT_TOO_LONG:
        return history.longer
    return None


def most_hopeful(decisions: list[Decision]) -> Decision | None:
    """Return one decision for a job whose tasks' failures call for different ones.

    Alone before elsewhere, elsewhere before later; None when nothing is left to try.
    """
    for kind in (Alone, Escalate, Retry):
        fitting = [decision for decision in decisions if isinstance(decision, kind)]
        if fitting:
            return max(fitting, key=lambda one: getattr(one, "wait_seconds", 0))
    return None
