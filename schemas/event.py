"""Events: what a callback tells, in a shape that Standard Webhooks and OpenAI's SDK both know."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.document import S3Uri
from schemas.failure import Failure
from schemas.job import Metadata, TenantName
from schemas.model import Contract
from schemas.states import JobState


class EventType(StrEnum):
    """What happened."""

    JOB_SUCCEEDED = "job.succeeded"
    """Every task has a result."""
    JOB_PARTIALLY_SUCCEEDED = "job.partially_succeeded"
    """Some tasks have a result."""
    JOB_FAILED = "job.failed"
    """The job is a dead letter."""
    JOB_CANCELLED = "job.cancelled"
    """The job was cancelled."""
    BATCH_COMPLETED = "batch.completed"
    """The batch's files are there."""
    BATCH_FAILED = "batch.failed"
    """The batch's file cannot be taken."""
    BATCH_EXPIRED = "batch.expired"
    """The batch's window is over; what was done by then is in its files."""
    BATCH_CANCELLED = "batch.cancelled"
    """The batch was cancelled; what was done by then is in its files."""


EVENT_OF: dict[JobState, EventType] = {
    JobState.SUCCEEDED: EventType.JOB_SUCCEEDED,
    JobState.PARTIALLY_SUCCEEDED: EventType.JOB_PARTIALLY_SUCCEEDED,
    JobState.DEAD: EventType.JOB_FAILED,
    JobState.CANCELLED: EventType.JOB_CANCELLED,
}
"""Which event tells of a closed state."""


class JobEventData(Contract):
    """The job concerned; nothing of the document itself."""

    id: str
    state: JobState
    tenant: TenantName
    metadata: Metadata
    result_uri: S3Uri | None = None
    failure: Failure | None = None


class JobEvent(Contract):
    """The body of a webhook."""

    id: str = Field(description="Equal to the header webhook-id; the same in every retry.")
    object: Literal["event"] = "event"
    type: EventType
    created_at: int = Field(description="Unix seconds.")
    timestamp: datetime
    data: JobEventData


class BatchEventData(Contract):
    """The batch concerned."""

    id: str


class BatchEvent(Contract):
    """The body of a webhook that tells of a batch, as OpenAI's SDK reads it."""

    id: str = Field(description="Equal to the header webhook-id; the same in every retry.")
    object: Literal["event"] = "event"
    type: EventType
    created_at: int = Field(description="Unix seconds.")
    timestamp: datetime
    data: BatchEventData
