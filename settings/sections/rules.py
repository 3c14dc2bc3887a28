"""`[[rules]]`: what becomes of a drop."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.job import DEFAULT_TENANT, Priority, TaskName, TenantName
from schemas.receiver_url import ReceiverUrl
from settings.sections.section import Section


class Listing(StrEnum):
    """Range that a listing reads."""

    FULL = "full"
    """Everything under the rule's prefix."""
    BY_NAME = "by-name"
    """What sorts after the last key: for keys that begin with a date or a counter."""


class RuleSettings(Section):
    """Which tasks a drop runs; the first rule that fits is taken."""

    bucket: str | None = Field(default=None, description="The incoming bucket unless named.")
    prefix: str = ""
    suffix: str = ""
    tags: dict[str, str] = Field(default_factory=dict, description="All that the object must have.")
    manifest: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[^/]+$",
        description="File name, with `*`, of the manifest that documents wait for.",
    )
    listing: Listing = Listing.FULL
    tasks: tuple[TaskName, ...] = Field(min_length=1)
    tenant: TenantName = DEFAULT_TENANT
    priority: Priority = Priority.NORMAL
    callback: ReceiverUrl | None = Field(
        default=None, description="Where to tell of the end; the fleet's callback unless named."
    )
