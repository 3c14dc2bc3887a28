"""Scorecard files: YAML in the folder `scorecards` of the tasks' folder, validated when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.scorecard import Scorecard, indicator_problem
from schemas.task import Task
from settings.errors import SettingsError
from settings.sections.yaml_file import read_yaml

SCORECARDS = "scorecards"
"""The folder of the scorecards, inside of the tasks' folder."""
_NO_TASK = "there is no task with this name"


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
            task = tasks.get(name)
            problem = indicator_problem(indicator, task) if task else _NO_TASK
            if problem:
                raise SettingsError(f"{path}: indicators.{name}: {problem}")
        cards[card.name] = card
    return cards
