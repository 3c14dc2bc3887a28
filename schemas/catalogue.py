"""Catalogue of the API: the tasks that can be asked for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.contract import Contract
from schemas.job import TaskName
from schemas.task import TaskKind, TaskLimits


class TaskSummary(Contract):
    """A task that can be asked for."""

    name: TaskName
    version: str
    kind: TaskKind
    adapter: str | None = Field(default=None, description="The directory in its file.")
    limits: TaskLimits


class TaskDetail(TaskSummary):
    """Description of a task, without its instructions."""

    output_schema: dict[str, Any] = Field(description="JSON Schema of the result's `data`.")
