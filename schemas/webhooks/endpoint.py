"""An endpoint: a receiver that a tenant has registered for the events of all its jobs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from schemas.contract import Contract
from schemas.job import TenantName
from schemas.receiver_url import ReceiverUrl, ShownUrl
from schemas.webhooks.event import EventType, PayloadKind

MOST_CONCURRENCY = 16
DAY_SECONDS = 86_400


CertificateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Description = Annotated[str, StringConstraints(max_length=256)]
EventFilter = Annotated[
    tuple[EventType, ...],
    Field(max_length=32, description="Events that it is told of; none named, all of them."),
]
Concurrency = Annotated[
    StrictInt,
    Field(ge=1, le=MOST_CONCURRENCY, description="Deliveries to it that are out at once."),
]


class EndpointState(StrEnum):
    """State of an endpoint: only enabled ones receive events."""

    ENABLED = "enabled"
    """It is told of what it asked for."""
    DISABLED = "disabled"
    """Nothing is sent to it until somebody enables it."""


class DisabledReason(StrEnum):
    """Reason for a disabled endpoint."""

    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """For days it has done nothing but fail."""
    ASKED = "asked"
    """Its owner asked for it."""


class SecretKind(StrEnum):
    """Kind of an event's signature."""

    V1 = "v1"
    """HMAC-SHA256 with a secret that both sides know."""
    V1A = "v1a"
    """Ed25519: the receiver knows the public key alone."""


class EndpointRequest(Contract):
    """Body of `POST /v1/endpoints`."""

    url: ReceiverUrl
    events: EventFilter = ()
    payload: PayloadKind = PayloadKind.THIN
    description: Description = ""
    concurrency: Concurrency = 8
    v1a: StrictBool = Field(default=False, description="Sign with Ed25519 as well.")
    client_certificate: CertificateName | None = Field(
        default=None,
        description="Shown to the receiver; the operator keeps NAME.pem for its tenant.",
    )


class EndpointChange(Contract):
    """Body of `PATCH /v1/endpoints/{id}`: the fields to change."""

    url: ReceiverUrl | None = None
    events: EventFilter | None = None
    payload: PayloadKind | None = None
    description: Description | None = None
    concurrency: Concurrency | None = None
    client_certificate: CertificateName | None = None
    state: EndpointState | None = None


class SecretInfo(Contract):
    """One of an endpoint's secrets; never the secret itself."""

    kind: SecretKind
    created_at: datetime
    expires_at: datetime | None = Field(default=None, description="Set when it was rotated out.")
    public_key: str | None = Field(default=None, description="`whpk_...` of a v1a key.")


class Endpoint(Contract):
    """An endpoint as its owner sees it."""

    id: str = Field(pattern=r"^ep_[0-9a-f]{16}$")
    tenant: TenantName
    url: ShownUrl
    events: tuple[EventType, ...] = ()
    payload: PayloadKind
    description: str = ""
    concurrency: int
    v1a: bool = False
    client_certificate: str | None = None
    state: EndpointState
    reason: DisabledReason | None = Field(default=None, description="Why it is disabled.")
    disabled_at: datetime | None = None
    failing_since: datetime | None = Field(
        default=None, description="Since then it has not acknowledged anything that it was sent."
    )
    created_at: datetime
    secrets: tuple[SecretInfo, ...] = Field(default=(), description="In use now, the newest first.")


class NewSecret(Contract):
    """A secret that was just made; it is shown this once."""

    secret: str = Field(description="`whsec_...`, for v1.")
    public_key: str | None = Field(default=None, description="`whpk_...`, for v1a.")


class CreatedEndpoint(Endpoint, NewSecret):
    """An endpoint that was just made, with its secret."""


class SecretRotation(Contract):
    """Order to replace a secret."""

    overlap_seconds: StrictInt = Field(
        default=DAY_SECONDS,
        ge=0,
        le=7 * DAY_SECONDS,
        description="For so long events are signed with the old one as well.",
    )
