"""The states of a job and the transitions between them, as one table."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """State of a job; public and stable."""

    QUEUED = "queued"
    """In line for its stage, or its message is on the way to a worker."""
    RUNNING = "running"
    """A worker holds the lease."""
    WAITING = "waiting"
    """An attempt failed; the next one is due at a known time."""
    SUCCEEDED = "succeeded"
    """Every task has a valid result."""
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    """Some tasks have a valid result; the failures of the others are recorded."""
    DEAD = "dead"
    """A dead letter: it will not be tried again by itself."""
    CANCELLED = "cancelled"
    """Its owner no longer wants it."""

    @property
    def closed(self) -> bool:
        """Tell whether the job has come to its end."""
        return self in CLOSED


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.DEAD, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {
            JobState.QUEUED,
            JobState.WAITING,
            JobState.SUCCEEDED,
            JobState.PARTIALLY_SUCCEEDED,
            JobState.DEAD,
            JobState.CANCELLED,
        }
    ),
    JobState.WAITING: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.PARTIALLY_SUCCEEDED: frozenset({JobState.QUEUED}),
    JobState.DEAD: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.CANCELLED: frozenset(),
}
"""From each state, the states that may follow it. The ledger's scripts are tested against it."""

CLOSED = frozenset(
    {JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED, JobState.DEAD, JobState.CANCELLED}
)
"""States that a job leaves only when somebody redrives it or drops it."""


class Stage(StrEnum):
    """Next stage of a job."""

    PREPARE = "prepare"
    """Bytes to page text, on CPU."""
    INFER = "infer"
    """Page text to results, on the engine."""
