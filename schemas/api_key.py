"""Keys of the HTTP API: what each may do, for whom, and what is told of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from schemas.contract import Contract
from schemas.job import TenantName

_YEAR_SECONDS = 366 * 86_400


class Scope(StrEnum):
    """Permission of a key."""

    SUBMIT = "submit"
    """Send documents and jobs."""
    READ = "read"
    """See jobs, results, dead letters and tasks."""
    OPERATE = "operate"
    """Cancel, redrive and drop."""
    ADMIN = "admin"
    """Create, list and revoke keys."""


def _ordered(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    return tuple(scope for scope in Scope if scope in scopes)


Scopes = Annotated[tuple[Scope, ...], Field(min_length=1, max_length=16), AfterValidator(_ordered)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]*$")]


class ApiKeyRequest(Contract):
    """Which key is wanted."""

    label: Label = Field(description="Who or what will use it.")
    scopes: Scopes
    tenant: TenantName | None = Field(
        default=None, description="Whose jobs it is for; null for the whole fleet."
    )
    expires_seconds: int | None = Field(
        default=None,
        ge=1,
        le=10 * _YEAR_SECONDS,
        description="How long it works; null for as long as the key that makes it.",
    )


class ApiKey(Contract):
    """A key, without what opens the door."""

    id: str
    label: Label
    scopes: Scopes
    tenant: TenantName | None = Field(default=None, description="Null for the whole fleet.")
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = Field(
        default=None, description="To some seconds; null where it was never used."
    )
    made_by: str | None = Field(
        default=None, description="The key that made it; null where an operator did."
    )


class NewApiKey(ApiKey):
    """A key at its creation, the one time that it is shown."""

    key: str = Field(description="Send it as `Authorization: Bearer`; it is not kept here.")
