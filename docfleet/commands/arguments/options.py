"""Options that several commands share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from docfleet.commands.texts.age import parse_age
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

OverlapOption = Annotated[
    timedelta,
    typer.Option(
        "--overlap", parser=parse_age, help="The old one signs too for so long.", metavar="24h"
    ),
]

TenantOption = Annotated[str, typer.Option("--tenant", help="Whose.", metavar="NAME")]
