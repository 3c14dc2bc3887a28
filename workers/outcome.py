"""Outcomes of an attempt: one value each, written to the ledger by `attempts.py` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.document import Prepared
from schemas.failure import Failure
from schemas.job import ReceiverAnswer
from schemas.states import JobState


@dataclass(frozen=True, slots=True)
class Advanced:
    """The job is prepared and goes on to a pool's line."""

    queue: str
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Finished:
    """The record is closed, and is no dead letter."""

    state: JobState
    result_uri: str | None = None
    answer: ReceiverAnswer | None = None
    says: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parked:
    """The batch waits for its jobs, or until a time.

    Attributes:
        wait_seconds: Maximum seconds to wait.
        complete: True when all its jobs are written.
        ending: True when it has to end before its jobs have.
    """

    wait_seconds: float
    complete: bool
    ending: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The record waits for its next attempt; this one counts, unless it is not charged."""

    failure: Failure
    wait_seconds: float
    kept_uri: str | None = None
    answer: ReceiverAnswer | None = None
    charged: bool = True


@dataclass(frozen=True, slots=True)
class Alone:
    """The record is a suspect: it goes back uncharged, and runs alone."""

    failure: Failure
    kept_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Escalate:
    """The record goes to a larger pool, where its attempts start from 1."""

    failure: Failure
    queue: str
    kept_uri: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The record is closed, and will not be tried again by itself."""

    failure: Failure
    kept_uri: str | None = None
    answer: ReceiverAnswer | None = None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The record goes back to its line uncharged: it is not to blame.

    Attributes:
        kept_uri: URI of the results of its finished tasks.
        wait_seconds: Seconds that it waits first.
    """

    kept_uri: str | None = None
    wait_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Another attempt owns the record: there is nothing to write."""


Decision = Retry | Alone | Escalate | DeadLetter
"""Decision after a failure; see retry_policy.py."""

Outcome = Advanced | Finished | Parked | Decision | GivenBack | Abandoned
