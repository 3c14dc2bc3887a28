"""The catalogue: the tasks and the scorecards that can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producer.errors import TaskNotFoundError
from schemas.catalogue import TaskDetail, TaskSummary
from schemas.scorecard import Scorecard
from schemas.task import Task


class Catalogue:
    """Catalogue of tasks and scorecards.

    Args:
        tasks: All tasks, by name.
        scorecards: All scorecards, by name.
    """

    def __init__(self, tasks: Mapping[str, Task], scorecards: Mapping[str, Scorecard]) -> None:
        self._tasks = tasks
        self._scorecards = scorecards

    def tasks(self) -> list[TaskSummary]:
        """Return all tasks, by name."""
        return [TaskSummary(**_head(task)) for _, task in sorted(self._tasks.items())]

    def task(self, name: str) -> TaskDetail:
        """Return one task.

        Raises:
            TaskNotFoundError: There is no task with this name.
        """
        task = self._tasks.get(name)
        if task is None:
            known = ", ".join(sorted(self._tasks)) or "none"
            raise TaskNotFoundError(f"there is no task {name!r}; known are: {known}")
        return TaskDetail(**_head(task), output_schema=task.output_schema)

    def scorecards(self) -> list[Scorecard]:
        """Return all scorecards, by name."""
        return [card for _, card in sorted(self._scorecards.items())]


def _head(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "version": task.version,
        "kind": task.kind,
        "adapter": task.adapter.path.name if task.adapter else None,
        "limits": task.limits,
    }
