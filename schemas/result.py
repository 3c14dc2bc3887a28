"""A result: what comes back for a job, as one object `{job_id}.json`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.document import DocumentRef
from schemas.engine import EngineVersion, SamplingChoice
from schemas.failure import Failure
from schemas.job import AdapterVersion, Metadata, TaskName, TenantName
from schemas.states import JobState
from schemas.task import TaskKind
from schemas.value_type import TypedValue

MAX_RESULT_BYTES = 64 * 2**20
"""Maximum bytes of a result object, checked when it is written."""


class TaskStatus(StrEnum):
    """Status of a task at its end."""

    SUCCEEDED = "succeeded"
    """`data` is valid against the task's schema."""
    INCOMPLETE = "incomplete"
    """`data` is valid, and pages are missing from it: `lost_pages`, or `document.unread_pages`."""
    FAILED = "failed"
    """`failure` says why there is no data."""


class Usage(Contract):
    """Tokens that the engine counted."""

    prompt_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0, description="Of the prompt, read from the cache.")
    output_tokens: int = Field(default=0, ge=0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


class Match(StrEnum):
    """Match between a value and the text of the document."""

    EXACT = "exact"
    """Character by character."""
    NORMALIZED = "normalized"
    """The same date, amount or words, written otherwise."""
    FUZZY = "fuzzy"
    """Almost the same text, as misread characters leave it."""
    UNGROUNDED = "ungrounded"
    """Nowhere: the value may be invented."""


class Evidence(Contract):
    """The place in the document that gives a value; only `match` where there is none."""

    page: int | None = Field(default=None, ge=1, description="Number of the page.")
    start: int | None = Field(default=None, ge=0, description="First character, in the page text.")
    end: int | None = Field(default=None, ge=0, description="Character after the last.")
    quote: str | None = Field(default=None, description="The text that stands there.")
    match: Match


class TaskResult(Contract):
    """Result of one task on the document."""

    status: TaskStatus
    version: str
    kind: TaskKind
    data: Any = Field(default=None, description="Valid against the task's output schema.")
    evidence: dict[str, Evidence] = Field(
        default_factory=dict, description="By JSON pointer of a leaf value in `data`."
    )
    confidence: dict[str, float] = Field(
        default_factory=dict, description="From 0 to 1, by JSON pointer of a leaf value in `data`."
    )
    alternatives: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict,
        description="Other values that pages of the document give, by JSON pointer.",
    )
    typed: dict[str, TypedValue] = Field(
        default_factory=dict,
        description="Dates, amounts and numbers as the task's `types` ask for, by JSON pointer.",
    )
    mapped: Any = Field(
        default=None, description="The data in the customer's names and forms, by `mapping`."
    )
    pages_read: tuple[int, ...] = Field(
        default=(), description="Numbers of the pages that the engine was shown, from 1."
    )
    lost_pages: tuple[int, ...] = Field(
        default=(), description="Numbers of the pages whose answer could not be used."
    )
    needs_review: tuple[str, ...] = Field(
        default=(), description="Findings of the task's review rule, empty when there are none."
    )
    failure: Failure | None = None
    raw_output: str | None = Field(default=None, description="The answer that was not valid.")
    adapter: AdapterVersion | None = None
    sampling: SamplingChoice | None = Field(
        default=None, description="How the engine chose the tokens."
    )
    usage: Usage = Usage()
    seconds: float = Field(default=0, ge=0, description="From the gate to the last token.")


class Verdict(StrEnum):
    """Verdict on an indicator, or on a whole scorecard."""

    PASS = "pass"  # noqa: S105  # no password
    """It has the points that it needs."""
    FAIL = "fail"
    """It does not, or a critical indicator failed."""


class IndicatorResult(Contract):
    """Outcome of one indicator of a scorecard; its task has the whole result."""

    score: float | None = Field(default=None, description="None where the task failed.")
    percent: float | None = Field(default=None, ge=0, le=100, description="On the task's scale.")
    verdict: Verdict | None = Field(
        default=None, description="None without points, and where the scorecard asks for none."
    )
    confidence: float | None = Field(default=None, ge=0, le=1, description="Of the score.")
    quote: Evidence | None = Field(
        default=None, description="The words that were quoted, and where they stand."
    )
    failure: Failure | None = None


class Aggregate(Contract):
    """Sum of a scorecard."""

    percent: float | None = Field(
        default=None, ge=0, le=100, description="Weighted mean of the indicators that have points."
    )
    verdict: Verdict | None = Field(
        default=None,
        description="None while an indicator is missing whose points could change it.",
    )
    scored: int = Field(ge=0, description="Number of indicators that have points.")
    missing: tuple[TaskName, ...] = Field(default=(), description="Indicators without points.")
    failed_critical: tuple[TaskName, ...] = ()


class ScorecardResult(Contract):
    """Result of a scorecard."""

    version: str
    indicators: dict[TaskName, IndicatorResult]
    aggregate: Aggregate


class DocumentFacts(DocumentRef):
    """The document of a result."""

    sha256: str
    media_type: str
    size: int
    pages: int
    pages_read: tuple[int, ...] = Field(default=(), description="Numbers from 1.")
    unread_pages: tuple[int, ...] = Field(
        default=(), description="Numbers of the pages that nothing could read, from 1."
    )
    tokens: int


class Timings(Contract):
    """Times of the submit and of the finished result; `infer_seconds` is of this attempt alone."""

    submitted_at: datetime
    finished_at: datetime
    infer_seconds: float = Field(ge=0)


class JobResult(Contract):
    """The result object of a job."""

    schema_version: Literal["1"] = "1"
    job_id: str
    state: Literal[JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED]
    redrive: int = Field(default=0, ge=0, description="How often the job had been redriven.")
    tenant: TenantName
    document: DocumentFacts
    metadata: Metadata
    tasks: dict[TaskName, TaskResult]
    scorecards: dict[TaskName, ScorecardResult] = Field(default_factory=dict)
    needs_review: tuple[str, ...] = Field(
        default=(),
        description="Reasons why a person should look at the result; empty when there are none.",
    )
    engine: EngineVersion
    pool: str
    worker: str
    usage: Usage
    timings: Timings
