"""Command that reads a fleet's files and variables, and names all mistakes: `check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from docfleet.commands.arguments.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from docfleet.commands.texts.output import say

if TYPE_CHECKING:
    from pathlib import Path

    from docfleet.checking.finding import Finding


def check(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Check fleet.toml, the DOCFLEET_ variables, tasks, scorecards, rules and adapters.

    No server and no engine is needed. All mistakes are named at once, each with its file and line.

    Exit codes: 0 no mistake. 1 there are mistakes.
    """
    found = _findings(config)
    if as_json:
        say(json.dumps([finding.model_dump() for finding in found], indent=2, ensure_ascii=False))
    else:
        for finding in found:
            place = f"{finding.file}:{finding.line}" if finding.line else finding.file
            say(f"{place}: {finding.path}: {finding.message}")
        say(f"{len(found)} mistakes" if len(found) > 1 else "1 mistake" if found else "no mistake")
    if found:
        raise typer.Exit(1)


def _findings(config: Path) -> list[Finding]:
    from docfleet.checking.fleet_file import FleetFile, check_variables
    from docfleet.checking.task_files import TaskFiles

    fleet = FleetFile(config)
    tasks = TaskFiles(fleet.tasks_dir)
    fleet.check_rules(tasks.names)
    return [*check_variables(), *fleet.findings, *tasks.findings]


def add_commands(app: typer.Typer) -> None:
    """Add it to the command."""
    app.command()(check)
