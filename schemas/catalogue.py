"""Catalogue of the API: the tasks that can be asked for, and the adapters that they run on."""

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
    adapter: str | None = Field(default=None, description="The adapter's name.")
    limits: TaskLimits


class TaskDetail(TaskSummary):
    """Description of a task, without its instructions."""

    output_schema: dict[str, Any] = Field(description="JSON Schema of the result's `data`.")


class AdapterSummary(Contract):
    """An adapter that tasks run on."""

    name: str = Field(description="Of its directory.")
    tasks: tuple[TaskName, ...] = Field(description="Those that run on it.")
    base: str | None = Field(
        default=None, description="The base model that it was trained on, where it says so."
    )
    rank: int | None = Field(default=None, description="LoRA rank, where it says so.")
