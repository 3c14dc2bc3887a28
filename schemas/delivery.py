"""A delivery: one webhook message as the ledger keeps it, until acknowledged or dead."""

from __future__ import annotations

from pydantic import Field, HttpUrl

from schemas.batch import BatchStatus
from schemas.document import S3Uri
from schemas.failure import Failure
from schemas.job import DEFAULT_TENANT, Metadata, TenantName
from schemas.model import Contract
from schemas.states import JobState


class DeliverySpec(Contract):
    """All that a delivery tells of its job, as it was when the job ended.

    Written by the ledger's scripts when they close a job; never changed after that.
    """

    job: str = Field(description="The job, or the batch.")
    batch: BatchStatus | None = Field(default=None, description="Where a batch stood.")
    state: JobState
    at: int = Field(description="When the job ended, Unix milliseconds.")
    url: HttpUrl
    tenant: TenantName = DEFAULT_TENANT
    metadata: Metadata = Field(default_factory=dict)
    result_uri: S3Uri | None = None
    failure: Failure | None = None
