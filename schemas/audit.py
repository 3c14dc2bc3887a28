"""The audit log: who did what with keys, endpoints and dead letters, and who looked where."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from schemas.contract import Contract
from schemas.job import TenantName


class AuditAction(StrEnum):
    """Kind of an action."""

    KEY_CREATED = "key.created"
    """A key was made; `detail` says what it opens."""
    KEY_REVOKED = "key.revoked"
    """A key was taken back, by word or with its maker."""
    KEY_REFUSED = "key.refused"
    """Somebody sent a key that opens nothing."""
    KEY_THROTTLED = "key.throttled"
    """So many such keys came from one address, or for one key, that more are answered with 429."""
    ENDPOINT_CREATED = "endpoint.created"
    """A receiver was registered; `detail` is its origin."""
    ENDPOINT_CHANGED = "endpoint.changed"
    """An endpoint was changed, enabled or disabled; `detail` names what."""
    ENDPOINT_SECRET_ROTATED = "endpoint.secret_rotated"  # noqa: S105  # an action's name
    """An endpoint was given a new signing secret."""
    ENDPOINT_DELETED = "endpoint.deleted"
    """An endpoint was deleted."""
    CALLBACK_SECRET_ROTATED = "callback_secret.rotated"  # noqa: S105  # an action's name
    """A tenant was given a new secret for the callbacks that its jobs name."""
    SECRETS_RESEALED = "secrets.resealed"  # an action's name
    """Signing secrets of all tenants were sealed with the first encryption key."""
    REVIEWED = "review.completed"
    """A result was accepted or corrected; `detail` says which."""
    JOB_DELETED = "job.deleted"
    """A job was deleted: its record, its result, its text and what was to be told of it."""
    DOCUMENT_DELETED = "document.deleted"
    """A document's jobs were deleted, and its bytes where docfleet kept them."""
    REDRIVEN = "dead_letter.redriven"
    """A dead letter, or a partially succeeded job, was sent round again."""
    DROPPED = "dead_letter.dropped"
    """A dead letter was dropped."""
    REPLAYED = "delivery.replayed"
    """A delivery was sent again."""
    ADAPTER_ADDED = "adapter.added"
    """An adapter came into the registry; `detail` is its digest."""
    ADAPTER_PROMOTED = "adapter.promoted"
    """An adapter became the default of its task."""
    ADAPTER_RETIRED = "adapter.retired"
    """An adapter is for no new job."""
    READ = "read"
    """A key of the whole fleet, or an operator's command, looked at what belongs to tenants."""


class AuditEntry(Contract):
    """One line of the audit log; it is never changed."""

    id: str
    at: datetime
    action: AuditAction
    actor: str = Field(
        description="The id of a key, `bootstrap` for DOCFLEET_API_KEY, or `command:USER`."
    )
    address: str | None = Field(default=None, description="Where the request came from.")
    tenant: TenantName | None = Field(default=None, description="Whose it was; null for no one's.")
    target: str = Field(default="", description="What it was done to: an id or a path.")
    detail: str = ""

    def public(self) -> dict[str, Any]:
        """Return the entry as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)
