"""A delivery: one webhook message as the ledger keeps it, until acknowledged or dead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, HttpUrl

from schemas.contract import Contract
from schemas.document import S3Uri
from schemas.failure import Failure
from schemas.job import DEFAULT_TENANT, Attempt, Metadata, PayloadKind, TenantName
from schemas.receiver_url import ShownUrl
from schemas.states import JobState
from schemas.timestamp import Moment
from schemas.webhooks.event import EVENT_OF, EventDocument, EventType, ReviewNotice


class EndpointNotice(Contract):
    """Notice about an endpoint, sent as a delivery."""

    id: str
    url: str | None = None
    reason: str | None = None


class DeliverySpec(Contract):
    """Content of a delivery, fixed when the event happened.

    Written by the ledger's scripts in the step that it tells of; never changed after that.
    """

    at: int = Field(description="When it came to pass, Unix milliseconds.")
    url: HttpUrl = Field(description="The receiver's, as it was then.")
    tenant: TenantName = DEFAULT_TENANT
    endpoint: str | None = Field(default=None, description="None for a job's own callback.")
    of_fleet: bool = Field(default=False, description="Of the callback that the operator named.")
    payload: PayloadKind = PayloadKind.THIN
    event: EventType | None = Field(default=None, description="Of an endpoint's event.")
    about: EndpointNotice | None = Field(default=None, description="Of an endpoint's event.")

    job: str | None = Field(default=None, description="Of a job's event, like all that follows.")
    state: JobState | None = None
    sequence: int = Field(default=1, ge=1)
    document: EventDocument | None = None
    metadata: Metadata = Field(default_factory=dict)
    result_uri: S3Uri | None = None
    needs_review: tuple[str, ...] = ()
    failure: Failure | None = None
    review: ReviewNotice | None = Field(default=None, description="Of a completed review.")

    @property
    def type(self) -> EventType:
        """The type of the event."""
        if self.event is not None:
            return self.event
        if self.state is None:
            raise ValueError("a delivery tells of a job's end or of an endpoint")
        return EVENT_OF[self.state]


class Delivery(Contract):
    """A delivery as its owner sees it, with every attempt."""

    id: str
    state: JobState = Field(description="`succeeded` when the receiver acknowledged it.")
    type: EventType
    tenant: TenantName
    endpoint: str | None = None
    url: ShownUrl
    job_id: str | None = None
    sequence: int | None = None
    attempts: int = Field(ge=0, description="Of the present schedule.")
    created_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = Field(default=None, description="When it is tried next.")
    failure: Failure | None = None
    history: tuple[Attempt, ...] = Field(default=(), description="Every attempt, oldest first.")

    def public(self) -> dict[str, Any]:
        """The delivery as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class DeliveryFilter(Contract):
    """Which deliveries are meant; all conditions must hold."""

    endpoint: str | None = Field(default=None, max_length=128)
    job: str | None = Field(default=None, max_length=128)
    state: JobState | None = None
    before: Moment | None = Field(default=None, description="Opened before then.")
    after: Moment | None = Field(default=None, description="Opened then or later.")


class Replay(DeliveryFilter):
    """Which deliveries are sent again: of those that meet the filter, what was not acknowledged."""

    acknowledged: bool = Field(
        default=False,
        strict=True,
        description="Whether what was acknowledged is sent again too.",
    )
    confirmed: bool = Field(
        default=False,
        strict=True,
        description="Has to be true with `acknowledged`: a receiver that does not drop the ids "
        "that it has seen acts twice.",
    )


class Replayed(Contract):
    """How many deliveries are sent again."""

    replayed: int = Field(ge=0)
    acknowledged: int = Field(
        default=0, ge=0, description="Left out, because their receiver acknowledged them."
    )
