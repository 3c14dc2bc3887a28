"""A job: one document and the tasks to run on it, for one tenant."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, HttpUrl, StringConstraints, model_validator

from schemas.contract import Contract
from schemas.document import DocumentRef, Prepared, S3Uri
from schemas.engine import EngineVersion
from schemas.failure import Failure
from schemas.receiver_url import ReceiverUrl, ShownUrl
from schemas.states import JobState, Stage

CHAT_TASK = "chat"
"""The one task of a chat job; no task file may have this name."""

JOB_ID = re.compile(r"^job_[0-9a-f]{24}$")

TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
VersionName = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]
TENANT_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
TenantName = Annotated[str, StringConstraints(pattern=TENANT_NAME.pattern)]
METADATA_ENTRIES = 16
METADATA_NAME = 64
METADATA_VALUE = 512
"""Maximum characters of a value of a job's metadata."""
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=METADATA_NAME)],
        Annotated[str, StringConstraints(max_length=METADATA_VALUE)],
    ],
    Field(max_length=METADATA_ENTRIES),
]

DEFAULT_TENANT = "default"


AdapterRef = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}@[0-9A-Za-z][0-9A-Za-z._-]{0,31}$"),
]
"""An adapter of the registry as a request names it: `NAME@VERSION`."""
BASE_ALONE = "base"
"""Named in place of an adapter: the base model without one."""


class AdapterVersion(Contract):
    """The adapter that a task runs on."""

    name: str
    version: str | None = Field(
        default=None, description="None for a directory that the task's file names."
    )
    sha256: str = Field(description="Of its config and its weights.")


class PinnedAdapter(AdapterVersion):
    """The adapter of the registry that a task of a job runs on, whatever becomes of its state."""

    version: VersionName
    base: str = Field(description="Its base model, as fleet.toml names it.")
    size: int = Field(ge=1, description="Bytes.")
    by_default: bool = Field(
        default=False, description="The task's default at the submit, named by nobody."
    )

    @property
    def ref(self) -> str:
        """Return the name by which a job asks for it."""
        return f"{self.name}@{self.version}"

    def shown(self) -> AdapterVersion:
        """Return the adapter as jobs and results name it."""
        return AdapterVersion(name=self.name, version=self.version, sha256=self.sha256)


class Priority(StrEnum):
    """Priority of a job among those of its tenant; long waiting outweighs it."""

    HIGH = "high"
    """A person waits."""
    NORMAL = "normal"
    """The day's work: overtaken by `high` for ten minutes of waiting."""
    LOW = "low"
    """Whenever there is room, and now and then where there is none."""

    @property
    def handicap_ms(self) -> int:
        """Milliseconds that it seems to have arrived later than others of its lane."""
        return {"high": 0, "normal": 600_000, "low": 0}[self.value]


class PayloadKind(StrEnum):
    """Amount of detail in an event."""

    THIN = "thin"
    """Nothing of the document: state, failure, and where the result lies."""
    FULL = "full"
    """What each task made of the document as well."""


class Callback(Contract):
    """Receiver of the job's end."""

    url: ReceiverUrl
    payload: PayloadKind = PayloadKind.THIN


class KeptCallback(Contract):
    """A callback as the ledger keeps it, by whatever rules it was accepted."""

    url: HttpUrl
    payload: PayloadKind = PayloadKind.THIN
    of_fleet: bool = Field(default=False, description="The fleet's default, and no tenant's.")


class ShownCallback(Contract):
    """A callback as its owner sees it."""

    url: ShownUrl
    payload: PayloadKind = PayloadKind.THIN


class DocumentSource(Contract):
    """The document as a caller names it: by URI or as inline text."""

    uri: S3Uri | None = None
    text: Annotated[str, StringConstraints(min_length=1)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.uri is None) == (self.text is None):
            raise ValueError("give exactly one of `uri` and `text`")
        return self


class JobTerms(Contract):
    """Terms of a job, whichever document it is about."""

    tasks: tuple[TaskName, ...] = Field(
        min_length=1, max_length=64, description="Names of tasks and of scorecards."
    )
    callback: Callback | None = None
    priority: Priority = Priority.NORMAL
    metadata: Metadata = Field(default_factory=dict)
    adapters: dict[TaskName, AdapterRef | Literal["base"]] = Field(
        default_factory=dict,
        max_length=64,
        description="By task, the adapter to run it on, as `NAME@VERSION`, or `base` for the base"
        " model alone; the task's default for one that is not here.",
        examples=[{"fnol": "fnol-lora@3"}],
    )

    @model_validator(mode="after")
    def _tasks_once(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("each task may be named once")
        return self


class JobRequest(JobTerms):
    """Body of `POST /v1/jobs`."""

    document: DocumentSource


class JobSpec(Contract):
    """Specification of a job in the ledger; never changed after the submit."""

    document: DocumentRef
    tasks: tuple[TaskName, ...] = Field(
        min_length=1, description="Those of the scorecards included."
    )
    scorecards: tuple[TaskName, ...] = ()
    tenant: TenantName = DEFAULT_TENANT
    priority: Priority = Priority.NORMAL
    callback: KeptCallback | None = None
    metadata: Metadata = Field(default_factory=dict)
    adapters: dict[TaskName, PinnedAdapter | None] = Field(
        default_factory=dict,
        description="Adapters of the registry by task; null for the base model alone. A task that"
        " is not here runs on what its file names.",
    )

    @property
    def is_chat(self) -> bool:
        """Tell whether the job is one chat: an OpenAI-shaped request."""
        return self.tasks == (CHAT_TASK,)

    @property
    def lane(self) -> str:
        """Which lane of a queue's line it stands in: its tenant's, or the low one beside it."""
        return f"{self.tenant}~low" if self.priority is Priority.LOW else self.tenant


class ReceiverAnswer(Contract):
    """Answer of a receiver to one webhook."""

    status: int | None = Field(default=None, description="HTTP status; none when no answer came.")
    latency_ms: int = Field(ge=0)
    text: str = Field(description="The first KB of the answer, or why there was none.")


class Attempt(Contract):
    """Record of one try at a stage that did not end well; of a delivery, of every try."""

    at: datetime = Field(description="When its lease was taken.")
    stage: Stage | None = Field(default=None, description="None for a delivery.")
    number: int = Field(ge=0)
    worker: str
    seconds: float | None = Field(default=None, ge=0, description="How long it held the lease.")
    charged: bool = Field(default=True, description="Whether it counts against the limit.")
    engine: EngineVersion | None = None
    answer: ReceiverAnswer | None = Field(default=None, description="Of a delivery.")
    failure: Failure | None = Field(default=None, description="None where a delivery was taken.")


class Job(Contract):
    """A job as its owner sees it."""

    id: str = Field(pattern=JOB_ID.pattern)
    state: JobState
    stage: Stage
    queue: str
    tenant: TenantName
    tasks: tuple[TaskName, ...]
    scorecards: tuple[TaskName, ...] = ()
    document: DocumentRef
    priority: Priority
    metadata: Metadata
    callback: ShownCallback | None = None
    adapters: dict[TaskName, AdapterVersion] = Field(
        default_factory=dict,
        description="The adapters of the registry that its tasks run on, fixed at the submit.",
    )
    attempts: int = Field(ge=0, description="Attempts at the present stage that were charged.")
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = Field(default=None, description="When a waiting job goes on.")
    prepared: Prepared | None = None
    result_uri: S3Uri | None = None
    needs_review: tuple[str, ...] = Field(
        default=(),
        description="Reasons why a person should look at the result; at most a hundred of them.",
    )
    kept_uri: S3Uri | None = Field(
        default=None,
        description="What each task came to, raw output included, where not all is well.",
    )
    redrives: int = Field(default=0, ge=0, description="How often it was redriven.")
    batch_id: str | None = Field(default=None, description="The batch whose line it is.")
    failure: Failure | None = None
    history: tuple[Attempt, ...] = ()

    def public(self) -> dict[str, Any]:
        """The job as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)
