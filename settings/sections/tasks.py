"""Task files: YAML in one folder and its folder `indicators`, validated when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.task import Task
from settings.errors import SettingsError
from settings.sections.yaml_file import read_yaml

_INDICATORS = "indicators"


def load_tasks(folder: Path) -> Mapping[str, Task]:
    """Read each `*.yaml` of a folder and of its folder `indicators`, by task name.

    Raises:
        SettingsError: The folder is missing, or a file is no valid task; the message names file and
            key.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder: set tasks_dir in fleet.toml")
    tasks: dict[str, Task] = {}
    for path in task_files(folder):
        task = load_task(path)
        if task.name in tasks:
            raise SettingsError(f"{path}: name: task {task.name!r} is already in another file")
        tasks[task.name] = task
    return tasks


def task_files(folder: Path) -> list[Path]:
    """Return the paths of a folder's task files."""
    return [*sorted(folder.glob("*.yaml")), *sorted((folder / _INDICATORS).glob("*.yaml"))]


def load_task(path: Path) -> Task:
    """Read one task file; an adapter's path is relative to the file's folder.

    Raises:
        SettingsError: The file is no valid task.
    """
    task = read_yaml(path, Task)
    if task.adapter is None:
        return task
    place = (path.parent / task.adapter.path).resolve()
    return task.model_copy(update={"adapter": task.adapter.model_copy(update={"path": place})})
