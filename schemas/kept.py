"""Kept results of an unfinished job's tasks: they were paid for, and are not run again."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.contract import Contract
from schemas.job import TaskName
from schemas.result import TaskResult


class KeptAnswer(Contract):
    """A usable answer about a part of the document."""

    data: Any
    confidence: dict[str, float] = Field(default_factory=dict)


class KeptTasks(Contract):
    """One object for each job that did not go through at once.

    The next attempt runs what is not in it; a redrive runs what did not succeed. Raw outputs of
    the tasks that failed are in it too.
    """

    redrive: int = Field(ge=0, description="How often the job had been redriven.")
    tasks: dict[TaskName, TaskResult]
    answers: dict[str, dict[str, KeptAnswer]] = Field(
        default_factory=dict,
        description="Answers about parts of the document, by task@version and question.",
    )
