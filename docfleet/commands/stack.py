"""Commands of the local stack: `up`, `ps` and `env`."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from docfleet.commands.arguments.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    JsonOption,
    StateDirOption,
)
from docfleet.commands.texts.output import say
from docfleet.stack.options import StackOptions
from docfleet.stack.record import PartRow
from docfleet.stack.state_dir import StateDir
from workers.engine_kind import EngineKind

_COLUMNS = "{:<9} {:>8} {:<11} {:>8}  {}"

PortOption = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Listen here instead of on a free port.", metavar="PORT"),
]


def up(
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    infer_workers: Annotated[
        int, typer.Option(min=0, max=64, help="Infer workers, each with an engine.")
    ] = 1,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Engine requests at once; the pool's if not given."),
    ] = None,
    engine: Annotated[
        EngineKind, typer.Option(help="`scripted` makes its results up.")
    ] = EngineKind.VLLM,
    pool: Annotated[
        str | None, typer.Option(help="What they serve; the first pool of the file if not given.")
    ] = None,
    api_port: PortOption = None,
    redis_port: PortOption = None,
    s3_port: PortOption = None,
) -> None:
    """Run a whole fleet on this machine, in the foreground, until Ctrl-C."""
    options = StackOptions(
        config=config,
        engine=engine,
        pool=pool,
        infer_workers=infer_workers,
        concurrency=concurrency,
        redis_port=redis_port,
        s3_port=s3_port,
        api_port=api_port,
    )
    from docfleet.stack.run import run_stack

    run_stack(StateDir(state_dir), options)


def ps(state_dir: StateDirOption = DEFAULT_STATE_DIR, *, as_json: JsonOption = False) -> None:
    """List the parts of the running stack; a ready part that does not work is `silent`.

    The ledger has the workers' heartbeats, and the other parts are asked.

    Exit codes: 0 listed. 3 no stack is running.
    """
    from docfleet.stack.liveness import looked_at

    rows = looked_at(StateDir(state_dir))
    if as_json:
        say(json.dumps([row.shown() for row in rows], indent=2))
        return
    say(_COLUMNS.format("ROLE", "PID", "STATE", "RESTARTS", "").rstrip())
    for row in rows:
        say(_line(row))


def env(state_dir: StateDirOption = DEFAULT_STATE_DIR, *, as_json: JsonOption = False) -> None:
    """Print the endpoints and credentials of the running stack, for a shell's `eval`."""
    environment = StateDir(state_dir).running_stack().environment
    if as_json:
        say(json.dumps(environment, indent=2))
        return
    for name, value in environment.items():
        say(f"{name}={shlex.quote(value)}")


def _line(row: PartRow) -> str:
    pid = "-" if row.pid is None else row.pid
    return _COLUMNS.format(row.role, pid, row.state, row.restarts, row.note).rstrip()


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command()(up)
    app.command()(ps)
    app.command()(env)
