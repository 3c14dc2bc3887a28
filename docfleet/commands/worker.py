"""Command `worker`: one worker process, in a local stack or on a machine of its own."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from docfleet.commands.arguments.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    StateDirOption,
)
from docfleet.commands.texts.output import say
from settings.errors import SettingsError
from settings.logs import configure_logs
from workers.engine_kind import EngineKind
from workers.role import Role


def worker(
    roles: Annotated[list[Role], typer.Argument(help="What it does; one or more.")],
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    pool: Annotated[
        str | None, typer.Option(help="Whose jobs an infer worker runs; the first if not given.")
    ] = None,
    engine: Annotated[
        EngineKind, typer.Option(help="`scripted` makes its results up.")
    ] = EngineKind.VLLM,
) -> None:
    """Run a worker in the foreground until SIGTERM.

    Exits with 78 for a wrong configuration, which a supervisor need not retry; with 69 when its
    device has no room now; and with 70 when its engine died and a new process is needed.
    """
    configure_logs("-".join(roles))
    from docfleet.fleet_settings import connected_settings
    from workers.assembly import run_worker
    from workers.errors import DeviceBusyError, EngineStartError

    try:
        settings = connected_settings(config, state_dir)
        code = run_worker(settings, roles, pool=pool, engine=engine)
    except (SettingsError, EngineStartError) as error:
        say(f"docfleet: {error}", err=True)
        code = os.EX_UNAVAILABLE if isinstance(error, DeviceBusyError) else os.EX_CONFIG
    sys.exit(code)


def add_commands(app: typer.Typer) -> None:
    """Add it to the command."""
    app.command()(worker)
