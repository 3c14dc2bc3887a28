"""A batch: many requests in one file. What the ledger keeps of it, and what its owner sees."""

from __future__ import annotations

import re
import secrets
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from schemas.contract import Contract
from schemas.document import S3Uri
from schemas.ids import BATCH_PREFIX, JOB_PREFIX
from schemas.job import DEFAULT_TENANT, Callback, KeptCallback, Metadata, Priority, TenantName
from schemas.openai.chat import CHAT_ENDPOINT
from schemas.openai.list import Listed

_WINDOW = re.compile(r"^([1-9][0-9]{0,5})([smhd])$")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_WINDOW_SECONDS = 14 * 86_400


class BatchStatus(StrEnum):
    """Status of a batch, in OpenAI's words."""

    VALIDATING = "validating"
    """Its file is to be read; nothing runs yet."""
    FAILED = "failed"
    """Its file cannot be taken; nothing ran. `errors` says what is wrong."""
    IN_PROGRESS = "in_progress"
    """Its requests are jobs."""
    FINALIZING = "finalizing"
    """Every request has ended; the files are being written."""
    COMPLETED = "completed"
    """The files are there."""
    EXPIRED = "expired"
    """Its window is over; what was done by then is in the files."""
    CANCELLING = "cancelling"
    """Its owner no longer wants it; what runs is being stopped."""
    CANCELLED = "cancelled"
    """It was stopped; what was done by then is in the files."""


ENDED = frozenset(
    {BatchStatus.FAILED, BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED}
)
"""Statuses that a batch does not leave."""


class OutputExpiry(Contract):
    """Lifetime of the output files."""

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3_600, le=2_592_000)


class BatchRequest(Contract):
    """The body of `POST /v1/batches`; `priority` and `callback` are docfleet's own."""

    input_file_id: str = Field(max_length=128)
    endpoint: Literal["/v1/chat/completions"]
    completion_window: str = Field(
        description="`24h`, or any number of `s`, `m`, `h` or `d` up to 14 days; it is kept to."
    )
    metadata: Metadata | None = None
    output_expires_after: OutputExpiry | None = None
    priority: Priority = Priority.LOW
    callback: Callback | None = None

    @field_validator("completion_window")
    @classmethod
    def _known_window(cls, window: str) -> str:
        if not 0 < window_seconds(window) <= _LONGEST_WINDOW_SECONDS:
            raise ValueError("a window is a number of s, m, h or d, such as 24h, up to 14d")
        return window


def window_seconds(window: str) -> int:
    """The seconds of a completion window; 0 for what is none."""
    parts = _WINDOW.match(window)
    return int(parts[1]) * _SECONDS[parts[2]] if parts else 0


class BatchSpec(Contract):
    """Specification of a batch in the ledger; never changed."""

    input_file_id: str
    input_uri: S3Uri
    endpoint: str = CHAT_ENDPOINT
    completion_window: str
    tenant: TenantName = DEFAULT_TENANT
    priority: Priority = Priority.LOW
    metadata: Metadata = Field(default_factory=dict)
    output_seconds: float = Field(gt=0, description="How long the output files are kept.")
    callback: KeptCallback | None = None


class BatchError(Contract):
    """One thing that is wrong with the input file."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class BatchErrors(Contract):
    """All problems of the input file, as far as it was checked."""

    object: Literal["list"] = "list"
    data: tuple[BatchError, ...]


class RequestCounts(Contract):
    """Progress of a batch."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class BatchObject(Listed):
    """A batch as its owner sees it."""

    object: Literal["batch"] = "batch"
    endpoint: str
    errors: BatchErrors | None = None
    input_file_id: str
    completion_window: str
    status: BatchStatus
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int
    in_progress_at: int | None = None
    expires_at: int
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: RequestCounts
    usage: dict[str, Any] | None = None
    metadata: Metadata


def new_batch_id() -> str:
    """A batch id that nobody has used."""
    return BATCH_PREFIX + secrets.token_hex(12)


def request_id(job_id: str) -> str:
    """Return the name of a request in the output files, made of its job's id."""
    return "batch_req_" + job_id.removeprefix(JOB_PREFIX)
