"""What is done after a failure: one pure function."""

from __future__ import annotations

from schemas.failure import Failure, FailureCode
from schemas.states import JobState
from workers.outcome import Finished, Postponed

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0
_OUTAGES = frozenset({FailureCode.STORAGE_UNAVAILABLE, FailureCode.STORAGE_REFUSED})
_OUTAGE_ATTEMPTS = 12
"""Some five minutes at least: a store that restarts must not fill the dead letters."""


def decide(failure: Failure, *, attempt: int, attempts: int, jitter: float) -> Finished | Postponed:
    """Try again later, or a dead letter.

    Args:
        failure: What went wrong.
        attempt: The number of the attempt that failed, from 1.
        attempts: How many a stage may use.
        jitter: From 0 to 1; spreads the retries of jobs that failed together.
    """
    if failure.code in _OUTAGES:
        attempts = max(attempts, _OUTAGE_ATTEMPTS)
    if not failure.transient or attempt >= attempts:
        return Finished(JobState.DEAD, failure=failure)
    wait = min(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1), _LONGEST_WAIT_SECONDS)
    return Postponed(wait * (0.5 + jitter), failure)
