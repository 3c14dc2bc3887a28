"""Task files: YAML in one folder, validated when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas.task import Task
from settings.errors import SettingsError


def load_tasks(folder: Path) -> Mapping[str, Task]:
    """Read each `*.yaml` of a folder, by task name.

    Raises:
        SettingsError: The folder is missing, or a file is no valid task; the message names file and
            key.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder: set tasks_dir in fleet.toml")
    tasks: dict[str, Task] = {}
    for path in sorted(folder.glob("*.yaml")):
        task = load_task(path)
        if task.name in tasks:
            raise SettingsError(f"{path}: name: task {task.name!r} is already in another file")
        tasks[task.name] = task
    return tasks


def load_task(path: Path) -> Task:
    """Read one task file; an adapter's path is relative to the file's folder.

    Raises:
        SettingsError: The file is no valid task.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        task = Task.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(step) for step in problem["loc"]) or "file"
        words = problem["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{path}: {key}: {words}") from error
    if task.adapter is None:
        return task
    place = (path.parent / task.adapter.path).resolve()
    return task.model_copy(update={"adapter": task.adapter.model_copy(update={"path": place})})
