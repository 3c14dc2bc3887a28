"""An adapter of the registry: what it is, where it stands, and how a job names it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from schemas.contract import Contract
from schemas.document import S3Uri
from schemas.job import AdapterVersion, PinnedAdapter, TaskName, VersionName

NOTES_LENGTH = 2_000
AdapterName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class AdapterState(StrEnum):
    """Standing of an adapter in the registry."""

    ADDED = "added"
    """It can be asked for by name and version."""
    STABLE = "stable"
    """It is the default of its task: jobs that name no adapter run on it."""
    RETIRED = "retired"
    """No new job runs on it; jobs that already named it do."""


class AdapterTerms(Contract):
    """Facts of an adapter that its owner chooses."""

    name: AdapterName
    version: VersionName
    task: TaskName = Field(description="The task that it was trained for.")
    base: str | None = Field(
        default=None,
        max_length=256,
        description="Name of its base model in fleet.toml, where its own config does not tell.",
    )
    notes: str = Field(default="", max_length=NOTES_LENGTH)


class AdapterEntry(AdapterVersion):
    """An adapter of the registry; only its state ever changes."""

    name: AdapterName
    version: VersionName
    task: TaskName
    base: str = Field(description="Its base model, as fleet.toml names it.")
    state: AdapterState
    rank: int = Field(ge=1)
    target_modules: tuple[str, ...]
    size: int = Field(ge=1, description="Bytes of its config and its weights.")
    notes: str = ""
    added_at: datetime
    changed_at: datetime = Field(description="When its state changed last.")

    @property
    def ref(self) -> str:
        """Return the name by which a job asks for it."""
        return f"{self.name}@{self.version}"

    def pinned(self, *, by_default: bool = False) -> PinnedAdapter:
        """Return the adapter as a job keeps it."""
        return PinnedAdapter(
            name=self.name,
            version=self.version,
            sha256=self.sha256,
            base=self.base,
            size=self.size,
            by_default=by_default,
        )

    def public(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return self.model_dump(mode="json", exclude_none=True)


class AdapterFilter(Contract):
    """Which adapters are meant; all conditions must hold."""

    task: TaskName | None = None
    state: AdapterState | None = None


class BaseModelEntry(Contract):
    """A base model as a worker of a pool serves it; adapters are held against it."""

    model: str = Field(description="Its name in fleet.toml.")
    aliases: tuple[str, ...] = Field(
        default=(), description="Other names by which an adapter's config may mean it."
    )
    sha256: str | None = None
    max_rank: int = Field(ge=0, description="The highest rank that the pool's engine takes.")
    layers: dict[str, tuple[int, int] | None] | None = Field(
        default=None,
        description="Outputs and inputs of each linear layer; none where the weights are away.",
    )


def adapter_uri(bucket: str, sha256: str, file: str) -> S3Uri:
    """Return the URI of one of an adapter's files.

    Args:
        bucket: The work bucket.
        sha256: Digest of the adapter.
        file: Name of the file.
    """
    return f"s3://{bucket}/adapters/{sha256}/{file}"
