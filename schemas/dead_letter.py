"""A dead letter: a job or a delivery that will not be tried again by itself, and all about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from schemas.contract import Contract
from schemas.document import DocumentRef, S3Uri
from schemas.failure import Failure, FailureCode
from schemas.job import Attempt, TaskName, TenantName
from schemas.queues import PoolName
from schemas.receiver_url import ShownUrl
from schemas.states import Stage
from schemas.timestamp import Moment


class DeadLetterKind(StrEnum):
    """Kind of a dead letter."""

    JOB = "job"
    """A document has no result."""
    DELIVERY = "delivery"
    """A receiver was not told."""
    BATCH = "batch"
    """A batch could not be read, or its files not written."""
    FILE = "file"
    """A file that is gone for its owner could not be deleted from the store."""


class DeadLetter(Contract):
    """Everything that is needed to understand it and to try again."""

    id: str = Field(description="Of the job, or of the delivery.")
    kind: DeadLetterKind
    tenant: TenantName
    failure: Failure
    dead_since: datetime
    created_at: datetime
    queue: str = Field(description="Where it was tried last.")
    attempts: int = Field(ge=0, description="Charged ones, at the last stage.")
    redrives: int = Field(default=0, ge=0)
    history: tuple[Attempt, ...] = ()

    tasks: tuple[TaskName, ...] = Field(default=(), description="Of a job.")
    stage: Stage | None = Field(default=None, description="Of a job.")
    document: DocumentRef | None = Field(default=None, description="Of a job.")
    kept_uri: S3Uri | None = Field(
        default=None, description="Of a job: what each task came to, raw output included."
    )

    job_id: str | None = Field(default=None, description="Of a delivery: the job it tells of.")
    url: ShownUrl | None = Field(default=None, description="Of a delivery: its receiver.")

    def public(self) -> dict[str, Any]:
        """The dead letter as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class DeadLetterFilter(Contract):
    """Which dead letters are meant; all conditions must hold."""

    code: FailureCode | None = None
    task: TaskName | None = Field(default=None, description="One of the job's tasks.")
    tenant: TenantName | None = None
    kind: DeadLetterKind | None = None
    before: Moment | None = Field(default=None, description="Dead since before then.")
    after: Moment | None = Field(default=None, description="Dead since then or later.")


class Redrive(Contract):
    """Order to redrive a dead letter."""

    pool: PoolName | None = Field(
        default=None, description="The pool that is to run it, whatever routing says."
    )
    versions: dict[TaskName, str] = Field(
        default_factory=dict,
        max_length=64,
        description="By task, the version that has to run; what an older one gave is not kept.",
    )
