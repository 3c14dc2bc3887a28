"""The catalogue: tasks, scorecards, and the adapters that the tasks' files name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from producer.errors import TaskNotFoundError
from schemas.catalogue import AdapterSummary, TaskDetail, TaskSummary
from schemas.scorecard import Scorecard
from schemas.task import Task
from settings.adapter_config import read_adapter_config


class Catalogue:
    """Catalogue of tasks, scorecards and adapters.

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

    def adapters(self) -> list[AdapterSummary]:
        """Return all adapters of tasks, by name; reads their files."""
        users: dict[Path, list[str]] = {}
        for name, task in sorted(self._tasks.items()):
            if task.adapter is not None:
                users.setdefault(task.adapter.path, []).append(name)
        return [_adapter(path, tuple(users[path])) for path in sorted(users)]


def _head(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "version": task.version,
        "kind": task.kind,
        "adapter": task.adapter.path.name if task.adapter else None,
        "limits": task.limits,
    }


def _adapter(path: Path, tasks: tuple[str, ...]) -> AdapterSummary:
    """Describe an adapter from its files alone; the workers read the weights and verify them."""
    said: Any = None
    with suppress(OSError, ValueError):
        said = read_adapter_config(path)
    match said:
        case {"base_model_name_or_path": str(base), "r": int(rank)}:
            return AdapterSummary(name=path.name, tasks=tasks, base=base, rank=rank)
        case {"r": int(rank)}:
            return AdapterSummary(name=path.name, tasks=tasks, rank=rank)
    return AdapterSummary(name=path.name, tasks=tasks)
