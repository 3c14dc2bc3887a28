"""What an attempt comes to: one value, written to the ledger by `attempt.py` alone."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.document import Prepared
from schemas.failure import Failure
from schemas.states import JobState


@dataclass(frozen=True, slots=True)
class Advanced:
    """The job is prepared and goes on to a pool's line."""

    queue: str
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Finished:
    """The record is closed."""

    state: JobState
    result_uri: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """The record waits for its next attempt."""

    wait_seconds: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The record goes back to its line, uncharged: the fault was not its own."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Another attempt owns the record: there is nothing to write."""


Outcome = Advanced | Finished | Postponed | GivenBack | Abandoned
