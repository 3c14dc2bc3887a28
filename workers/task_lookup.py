"""Finding the tasks that a job names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.failure import FailureCode
from schemas.task import Task
from workers.errors import StageError


def known_tasks(names: Sequence[str], tasks: Mapping[str, Task]) -> list[Task]:
    """The tasks of these names.

    Raises:
        StageError: `task.unknown`.
    """
    for name in names:
        if name not in tasks:
            known = ", ".join(sorted(tasks)) or "none"
            raise StageError(
                FailureCode.TASK_UNKNOWN, f"No task {name!r} here; known are: {known}.", name
            )
    return [tasks[name] for name in names]
