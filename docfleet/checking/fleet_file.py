"""Mistakes in `fleet.toml` and in the variables over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from docfleet.checking.finding import Finding, did_you_mean, key_text, problems
from docfleet.checking.lines import toml_line
from settings.errors import SettingsError
from settings.fleet import SECRETS, FleetSettings, load_settings
from settings.variables import unknown_variables

_AT_LINE = re.compile(r"at line (\d+)")
_ENVIRONMENT = "environment"


def check_variables() -> Iterator[Finding]:
    """Yield a finding for each variable of docfleet that names no setting."""
    for variable, known in _unknown():
        hint = did_you_mean(variable, known)
        message = f"there is no such variable; {hint}"
        yield Finding(file=_ENVIRONMENT, path=variable, message=message)


class FleetFile:
    """The fleet's file.

    Attributes:
        findings: What is wrong with it, or with a variable over it.
        tasks_dir: The tasks' folder that it names.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.findings: list[Finding] = []
        self.tasks_dir = path.parent / "tasks"
        self._rules: Sequence[Any] = ()
        try:
            self._text = path.read_text(encoding="utf-8")
            content = tomllib.loads(self._text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            at = _AT_LINE.search(str(error))
            words = f"cannot be read: {error}"
            self._found((), words, line=int(at[1]) if at else None)
            return
        if isinstance(folder := content.get("tasks_dir"), str):
            self.tasks_dir = path.parent / folder
        if isinstance(rules := content.get("rules"), list):
            self._rules = rules
        self._check(path)

    def check_rules(self, names: Collection[str]) -> None:
        """Add a finding for each name in a rule that is no task and no scorecard."""
        for index, rule in enumerate(self._rules):
            tasks = rule.get("tasks") if isinstance(rule, dict) else None
            for name in tasks if isinstance(tasks, list) else ():
                if isinstance(name, str) and name not in names:
                    hint = did_you_mean(name, names)
                    self._found(("rules", index, "tasks"), f"there is no task `{name}`; {hint}")

    def _check(self, path: Path) -> None:
        try:
            load_settings(path, check_variables=False)
        except SettingsError as error:
            cause = error.__cause__
            if not isinstance(cause, ValidationError):
                words = str(error).removeprefix(f"{path}: ")
                key = re.match(r"`(\w+)`", words)
                self._found((key[1],) if key else (), words)
                return
            for place, words in problems(cause, FleetSettings):
                self._found(_named_in(words) or place, words)

    def _found(self, place: Sequence[str | int], message: str, *, line: int | None = None) -> None:
        if line is None and place:
            line = toml_line(self._text, place)
        if line is None and _variable(place) in {name for name, _ in _unknown()}:
            return  # check_variables tells of it
        of_variable = place and line is None
        self.findings.append(
            Finding(
                file=f"{self._path} or {_ENVIRONMENT}" if of_variable else str(self._path),
                line=line,
                path=key_text(place),
                message=message,
            )
        )


def _unknown() -> Iterator[tuple[str, Collection[str]]]:
    return unknown_variables(FleetSettings, SECRETS)


def _variable(place: Sequence[str | int]) -> str:
    return "DOCFLEET_" + "__".join(str(step).upper() for step in place)


def _named_in(words: str) -> tuple[str | int, ...]:
    """Return the place that an error of several settings names in its words, if it does."""
    named = re.match(r"(pools|rules|tenants)\.([\w-]+)\.(\w+)", words)
    if named is None:
        return ()
    return named[1], int(named[2]) if named[2].isdigit() else named[2], named[3]
