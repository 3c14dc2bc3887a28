"""Record of a running stack, for `docfleet ps` and `docfleet env`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from docfleet.processes.part import PartState


class PartRow(BaseModel):
    """A role of a part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    pid: int | None
    state: PartState
    restarts: int
    note: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the row for `docfleet ps --json`, without an empty note."""
        row = self.model_dump(mode="json")
        return row if self.note else {key: row[key] for key in row if key != "note"}


class StackRecord(BaseModel):
    """A running stack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: dict[str, str]
    """Variables that reach it, credentials included."""
    parts: list[PartRow]
