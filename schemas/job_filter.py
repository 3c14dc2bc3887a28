"""Which jobs are meant, and where each of some stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from schemas.contract import Contract
from schemas.failure import Failure
from schemas.job import Job, TaskName, TenantName
from schemas.states import JobState, Stage
from schemas.timestamp import Moment

MetadataPair = Annotated[str, StringConstraints(pattern=r"^[^=]{1,64}=[\s\S]{0,512}$")]


class JobFilter(Contract):
    """Which jobs are meant; all conditions must hold."""

    state: JobState | None = None
    task: TaskName | None = Field(default=None, description="One of the job's tasks.")
    document: str | None = Field(
        default=None, max_length=2048, description="The URI of the job's document."
    )
    tenant: TenantName | None = None
    before: Moment | None = Field(default=None, description="Created before then.")
    after: Moment | None = Field(default=None, description="Created then or later.")
    metadata: tuple[MetadataPair, ...] = Field(
        default=(), max_length=4, description="`key=value`; may be repeated."
    )


class JobPosition(NamedTuple):
    """Position of a job; two equal ones have nothing new between them."""

    state: JobState
    stage: Stage
    attempts: int

    @classmethod
    def of(cls, job: Job) -> JobPosition:
        """Return the position of this job."""
        return cls(job.state, job.stage, job.attempts)


class JobProgress(Contract):
    """Progress of a job, as an event of `/v1/jobs/{id}/events`."""

    id: str
    state: JobState
    stage: Stage
    attempts: int
    updated_at: datetime
    failure: Failure | None = None
