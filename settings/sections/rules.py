"""`[[rules]]`: tasks of drops."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import Field, field_validator

from schemas.job import DEFAULT_TENANT, Priority, TaskName, TenantName
from schemas.receiver_url import ReceiverUrl
from settings.sections.section import Section


class Listing(StrEnum):
    """Range of keys that a listing reads."""

    FULL = "full"
    """Everything under the rule's prefix."""
    BY_NAME = "by-name"
    """Keys that sort after the last one: for keys that begin with a date or a counter."""


class SameBytes(StrEnum):
    """Number of jobs that drops with the same bytes become."""

    JOB_EACH = "job-each"
    """One job for each version of an object."""
    ONE_JOB = "one-job"
    """One job, as long as the ledger knows it; the watcher reads each drop to compare."""


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MOST_NAMES = 8


class RuleSettings(Section):
    """Tasks for drops of one kind; the first rule that fits is taken."""

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
    key_metadata: str | None = Field(
        default=None,
        description="Form of a key that gives metadata, such as `fnol/{claim}/*`.",
    )
    same_bytes: SameBytes = SameBytes.JOB_EACH
    listing: Listing = Listing.FULL
    tasks: tuple[TaskName, ...] = Field(min_length=1)
    tenant: TenantName = DEFAULT_TENANT
    priority: Priority = Priority.NORMAL
    callback: ReceiverUrl | None = Field(
        default=None, description="Where to tell of the end; the fleet's callback unless named."
    )

    @field_validator("key_metadata")
    @classmethod
    def _names_what_it_gives(cls, pattern: str | None) -> str | None:
        names = re.findall(r"\{([^{}]*)\}", pattern or "")
        if pattern is not None and not names:
            raise ValueError("name in braces what the key gives, such as fnol/{claim}/*")
        wrong = [name for name in names if not _NAME.fullmatch(name)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no name: use letters, digits and `_`")
        if len(set(names)) != len(names) or len(names) > _MOST_NAMES:
            raise ValueError(f"name each part once, and {_MOST_NAMES} at most")
        return pattern
