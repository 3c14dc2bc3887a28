"""Lookup of the tasks and the scorecards that a job names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.failure import FailureCode
from schemas.scorecard import Scorecard
from schemas.task import Task
from workers.errors import StageError


def known_tasks(
    names: Sequence[str], tasks: Mapping[str, Task], versions: Mapping[str, str]
) -> list[Task]:
    """Return the tasks of these names.

    Args:
        names: The names in the job.
        tasks: Tasks of this worker.
        versions: Versions that a redrive asks for, by name.

    Raises:
        StageError: `task.unknown`.
    """
    for name in names:
        if name not in tasks:
            known = ", ".join(sorted(tasks)) or "none"
            raise StageError(
                FailureCode.TASK_UNKNOWN, f"No task {name!r} here; known are: {known}.", name
            )
        version = versions.get(name, tasks[name].version)
        if version != tasks[name].version:
            raise StageError(
                FailureCode.TASK_UNKNOWN,
                f"Task {name!r} has version {tasks[name].version} here; {version} is asked for.",
                name,
            )
    return [tasks[name] for name in names]


def known_scorecards(
    names: Sequence[str], tasks: Sequence[str], scorecards: Mapping[str, Scorecard]
) -> list[Scorecard]:
    """Return the scorecards of these names.

    Args:
        names: The names in the job.
        tasks: The names of the job's tasks.
        scorecards: Scorecards of this worker.

    Raises:
        StageError: `task.unknown`: there is no such scorecard here, or the job was submitted with
            another version, which has other indicators.
    """
    for name in names:
        if name not in scorecards:
            raise StageError(FailureCode.TASK_UNKNOWN, f"No scorecard {name!r} here.", name)
        missing = scorecards[name].indicators.keys() - set(tasks)
        if missing:
            raise StageError(
                FailureCode.TASK_UNKNOWN,
                f"Scorecard {name!r} has indicators here that the job does not have:"
                f" {', '.join(sorted(missing))}.",
                name,
            )
    return [scorecards[name] for name in names]
