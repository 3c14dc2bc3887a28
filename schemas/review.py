"""A review: a person looks at a result that gives reasons for it, and accepts or corrects it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from schemas.contract import Contract
from schemas.document import DocumentRef, S3Uri
from schemas.job import JOB_ID, Metadata, TaskName, TenantName
from schemas.timestamp import Moment

_POINTER = r"^(/([^~/]|~[01])*)*$"
MOST_VALUES = 1_000

Reviewer = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")
]
"""Name of the person who reviews, as the customer knows it."""
Pointer = Annotated[str, StringConstraints(pattern=_POINTER, max_length=1_024)]


class ReviewState(StrEnum):
    """State of a review."""

    OPEN = "open"
    """It waits for somebody to take it."""
    TAKEN = "taken"
    """A reviewer holds it until a time."""
    ACCEPTED = "accepted"
    """The result is right as it is."""
    CORRECTED = "corrected"
    """Values were corrected; the correction lies beside the result."""

    @property
    def closed(self) -> bool:
        """Tell whether the review has come to its end."""
        return self in {ReviewState.ACCEPTED, ReviewState.CORRECTED}


class Review(Contract):
    """The review of a job's result."""

    job_id: str = Field(pattern=JOB_ID.pattern)
    state: ReviewState
    tenant: TenantName
    reasons: tuple[str, ...] = Field(description="As `needs_review` gives them.")
    tasks: tuple[TaskName, ...]
    document: DocumentRef
    metadata: Metadata
    opened_at: datetime
    reviewer: str | None = Field(default=None, description="Who took or completed it.")
    taken_until: datetime | None = Field(
        default=None, description="When another reviewer may take it."
    )
    completed_at: datetime | None = None
    result_uri: S3Uri | None = None
    correction_uri: S3Uri | None = None

    def public(self) -> dict[str, Any]:
        """Return the review as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class ReviewFilter(Contract):
    """Which reviews are meant; all conditions must hold."""

    state: ReviewState | None = None
    task: TaskName | None = Field(default=None, description="One of the job's tasks.")
    tenant: TenantName | None = None
    before: Moment | None = Field(default=None, description="Opened before then.")
    after: Moment | None = Field(default=None, description="Opened then or later.")


class TakeReview(Contract):
    """Body of a request to take a review."""

    reviewer: Reviewer
    seconds: float = Field(default=900, gt=0, le=86_400, description="For how long.")


class AcceptReview(Contract):
    """Body of a request to accept a result as it is."""

    reviewer: Reviewer


class CorrectReview(Contract):
    """Body of a request to correct values of a result."""

    reviewer: Reviewer
    values: dict[TaskName, dict[Pointer, Any]] = Field(
        min_length=1,
        description="By task, the right values by JSON pointer into `data`; the pointer of a"
        " missing property adds it, `/rows/-` adds a row, and the empty pointer replaces all.",
    )


class ChangedValue(Contract):
    """A value before and after."""

    before: Any = None
    after: Any = None


class CorrectedTask(Contract):
    """The data of one task before and after a review."""

    version: str
    before: Any = None
    after: Any = None
    changed: dict[str, ChangedValue] = Field(description="By JSON pointer.")


class Correction(Contract):
    """The object that lies beside a result whose values were corrected."""

    schema_version: Literal["1"] = "1"
    job_id: str
    tenant: TenantName
    redrive: int = Field(ge=0, description="How often the job had been redriven.")
    reviewer: str
    actor: str = Field(description="The key or the command that was used.")
    at: datetime
    tasks: dict[TaskName, CorrectedTask]
