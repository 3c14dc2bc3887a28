"""Events: what a callback tells, in a shape that Standard Webhooks and OpenAI's SDK both know."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.document import S3Uri
from schemas.failure import Failure
from schemas.job import Metadata, PayloadKind, TaskName, TenantName
from schemas.receiver_url import ShownUrl
from schemas.result import ScorecardResult, TaskResult
from schemas.review import ReviewState
from schemas.states import JobState

__all__ = ["EVENT_OF", "EndpointEvent", "EventType", "JobEvent", "PayloadKind"]

SchemaVersion = Literal["1"]
"""Version of an event's data. It changes only when a field goes or changes its meaning."""


class EventType(StrEnum):
    """Type of an event."""

    JOB_SUCCEEDED = "job.succeeded"
    """Every task has a result."""
    JOB_PARTIALLY_SUCCEEDED = "job.partially_succeeded"
    """Some tasks have a result."""
    JOB_FAILED = "job.failed"
    """The job is a dead letter."""
    JOB_CANCELLED = "job.cancelled"
    """The job was cancelled."""
    REVIEW_COMPLETED = "review.completed"
    """A person has accepted or corrected a result."""
    ENDPOINT_DISABLED = "endpoint.disabled"
    """Another endpoint of the tenant is not sent anything any more."""
    ENDPOINT_TEST = "endpoint.test"
    """Somebody wants to see whether events arrive."""
    BATCH_COMPLETED = "batch.completed"
    """The batch's files are there."""
    BATCH_FAILED = "batch.failed"
    """The batch's file cannot be taken."""
    BATCH_EXPIRED = "batch.expired"
    """The batch's window is over; what was done by then is in its files."""
    BATCH_CANCELLED = "batch.cancelled"
    """The batch was cancelled; what was done by then is in its files."""

    @property
    def is_of_batch(self) -> bool:
        """Tell whether the event is about a batch."""
        return self.value.startswith("batch.")


EVENT_OF: dict[JobState, EventType] = {
    JobState.SUCCEEDED: EventType.JOB_SUCCEEDED,
    JobState.PARTIALLY_SUCCEEDED: EventType.JOB_PARTIALLY_SUCCEEDED,
    JobState.DEAD: EventType.JOB_FAILED,
    JobState.CANCELLED: EventType.JOB_CANCELLED,
}
"""Which event tells of a closed state."""


class EventDocument(Contract):
    """The document of a job, as a receiver knows it again."""

    uri: S3Uri
    version: str | None = Field(
        default=None,
        description="Version id of the object, or its ETag in a bucket without versions; none"
        " where nothing lay there.",
    )
    sha256: str | None = Field(
        default=None, description="Of its bytes, where they were read before the job ended."
    )
    metadata: dict[str, str] = Field(
        default_factory=dict,
        description="The object's own metadata, and what a rule read from its key.",
    )


class EventData(Contract):
    """Fields that the data of all events have."""

    schema_version: SchemaVersion = "1"


class EventDataOfJob(EventData):
    """The job concerned, and its document."""

    id: str = Field(description="Of the job.")
    state: JobState
    tenant: TenantName
    sequence: int = Field(
        default=1, ge=1, description="Counts the events of this job; they may arrive out of order."
    )
    document: EventDocument | None = None
    metadata: Metadata
    result_uri: S3Uri | None = None


class JobEventData(EventDataOfJob):
    """A job that ended; nothing that stands in the document unless it was asked for."""

    needs_review: tuple[str, ...] = Field(
        default=(),
        description="Reasons why a person should look at the result; at most a hundred of them.",
    )
    failure: Failure | None = None
    tasks: dict[TaskName, TaskResult] | None = Field(
        default=None, description="With payload `full`: what each task made of the document."
    )
    scorecards: dict[TaskName, ScorecardResult] | None = Field(
        default=None, description="With payload `full`: the job's scorecards, where it has any."
    )
    tasks_omitted: bool | None = Field(
        default=None, description="True where `tasks` were asked for and were too large, or gone."
    )


class EventBase(Contract):
    """Fields that all events have."""

    id: str = Field(description="Equal to the header webhook-id; the same in every retry.")
    object: Literal["event"] = "event"
    type: EventType
    created_at: int = Field(description="Unix seconds.")
    timestamp: datetime


class JobEvent(EventBase):
    """The body of a webhook that tells of a job's end."""

    data: JobEventData


class ReviewNotice(Contract):
    """The outcome of a review."""

    outcome: Literal[ReviewState.ACCEPTED, ReviewState.CORRECTED]
    reviewer: str
    correction_uri: S3Uri | None = Field(
        default=None, description="Where the values before and after lie, if some were corrected."
    )


class ReviewEventData(EventDataOfJob):
    """A review that is completed, and the job whose result it is of."""

    review: ReviewNotice


class ReviewEvent(EventBase):
    """The body of a webhook that tells of a completed review."""

    data: ReviewEventData


class EndpointEventData(EventData):
    """The endpoint concerned."""

    id: str
    tenant: TenantName
    url: ShownUrl | None = None
    reason: str | None = Field(default=None, description="Why it was disabled.")


class EndpointEvent(EventBase):
    """The body of a webhook that tells of an endpoint."""

    data: EndpointEventData


class BatchEventData(EventData):
    """The batch concerned."""

    id: str
    tenant: TenantName


class BatchEvent(EventBase):
    """The body of a webhook that tells of a batch, as OpenAI's SDK reads it."""

    data: BatchEventData
