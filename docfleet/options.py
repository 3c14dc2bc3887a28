"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from settings.environment import CONFIG_VARIABLE, STATE_DIR_VARIABLE

DEFAULT_CONFIG = Path("fleet.toml")
DEFAULT_STATE_DIR = Path(".docfleet")

ConfigOption = Annotated[
    Path,
    typer.Option("--config", envvar=CONFIG_VARIABLE, help="The fleet's file.", metavar="PATH"),
]

StateDirOption = Annotated[
    Path,
    typer.Option(
        "--state-dir",
        envvar=STATE_DIR_VARIABLE,
        help="Where the local stack keeps its data, secrets and logs.",
        metavar="PATH",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def state_dir_named(context: typer.Context) -> bool:
    """Whether a command was given --state-dir by its user, and not by a variable or by default."""
    source = context.get_parameter_source("state_dir")
    return source is not None and source.name == "COMMANDLINE"


def named_options(context: typer.Context) -> tuple[str, ...]:
    """The words with which a command's user named the fleet, for another command to name it so."""
    words: list[str] = []
    for name, option in (("config", "--config"), ("state_dir", "--state-dir")):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            words += [option, str(context.params[name])]
    return tuple(words)
