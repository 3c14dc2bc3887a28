"""Mistakes in the files of tasks, indicators and scorecards, and in the adapters that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from adapters.config import read_adapter_config
from docfleet.checking.finding import Finding, did_you_mean, key_text, problems
from docfleet.checking.lines import Place, yaml_line
from schemas.scorecard import Scorecard, indicator_problem
from schemas.task import Task
from settings.sections.scorecards import SCORECARDS
from settings.sections.tasks import task_files

_Model = TypeVar("_Model", bound=BaseModel)


class TaskFiles:
    """The files of a tasks' folder, read one by one.

    Attributes:
        findings: The mistakes in them.
    """

    def __init__(self, folder: Path) -> None:
        self.findings: list[Finding] = []
        self.names: set[str] = set()
        """Names that a rule may give; those of files with mistakes, too."""
        self._tasks: dict[str, Task] = {}
        if not folder.is_dir():
            message = "is no folder: `tasks_dir` in the fleet's file names it"
            self.findings.append(Finding(file=str(folder), path="file", message=message))
            return
        for path in task_files(folder):
            self._task(path)
        for path in sorted((folder / SCORECARDS).glob("*.yaml")):
            self._scorecard(path)

    def _task(self, path: Path) -> None:
        task = self._read(path, Task)
        if task is None:
            return
        self._tasks[task.name] = task
        if task.adapter is not None:
            folder = path.parent / task.adapter.path
            try:
                read_adapter_config(folder)
            except (OSError, ValueError) as error:
                self._found(path, ("adapter", "path"), f"{folder} is no adapter: {error}")

    def _scorecard(self, path: Path) -> None:
        card = self._read(path, Scorecard)
        if card is None:
            return
        for name, indicator in card.indicators.items():
            task = self._tasks.get(name)
            if task is None:
                words: str | None = f"there is no task `{name}`; {did_you_mean(name, self._tasks)}"
            else:
                words = indicator_problem(indicator, task)
            if words:
                self._found(path, ("indicators", name), words)

    def _read(self, path: Path, model: type[_Model]) -> _Model | None:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            self._name(path, content)
            return model.model_validate(content)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            self._found(path, (), f"no YAML: {error.problem}", line=mark.line + 1 if mark else None)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            self._found(path, (), f"cannot be read: {error}")
        except ValidationError as error:
            for place, words in problems(error, model):
                self._found(path, place, words)
        return None

    def _name(self, path: Path, content: Any) -> None:
        name = content.get("name") if isinstance(content, dict) else None
        if isinstance(name, str):
            if name in self.names:
                self._found(path, ("name",), f"another file has the name `{name}` already")
            self.names.add(name)

    def _found(self, path: Path, place: Place, message: str, *, line: int | None = None) -> None:
        if line is None and path.is_file():
            line = yaml_line(path.read_text(encoding="utf-8", errors="replace"), place)
        self.findings.append(
            Finding(file=str(path), line=line, path=key_text(place), message=message)
        )
