"""Scorecard files: YAML in the folder `scorecards` of the tasks' folder, validated when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.scorecard import Scorecard, scale_of
from schemas.task import Task
from settings.errors import SettingsError
from settings.sections.yaml_file import read_yaml

SCORECARDS = "scorecards"
"""The folder of the scorecards, inside of the tasks' folder."""


def load_scorecards(folder: Path, tasks: Mapping[str, Task]) -> Mapping[str, Scorecard]:
    """Read the scorecards of a tasks' folder, by name.

    Args:
        folder: The tasks' folder; it may have no scorecards.
        tasks: All tasks, by name.

    Raises:
        SettingsError: A file is no valid scorecard of these tasks; the message names file and key.
    """
    cards: dict[str, Scorecard] = {}
    for path in sorted((folder / SCORECARDS).glob("*.yaml")):
        card = read_yaml(path, Scorecard)
        if card.name in cards or card.name in tasks:
            raise SettingsError(f"{path}: name: {card.name!r} is another scorecard or task already")
        for name, indicator in card.indicators.items():
            problem = _problem(tasks.get(name), indicator.pass_at)
            if problem:
                raise SettingsError(f"{path}: indicators.{name}: {problem}")
        cards[card.name] = card
    return cards


def _problem(task: Task | None, pass_at: float | None) -> str | None:
    if task is None:
        return "there is no task with this name"
    try:
        scale = scale_of(task.kind, task.output_schema)
    except ValueError as error:
        return str(error)
    if pass_at is not None and not scale.least <= pass_at <= scale.most:
        return f"pass_at: the points are from {scale.least:g} to {scale.most:g}"
    return None
