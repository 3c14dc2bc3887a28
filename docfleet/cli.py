"""The `docfleet` command: assembles the groups of commands, and turns errors into exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from docfleet import (
    __version__,
    commands_contract,
    commands_dead_letters,
    commands_deliveries,
    commands_doors,
    commands_endpoints,
    commands_jobs,
    commands_keys,
    commands_setup,
    commands_stack,
    commands_worker,
)
from docfleet.errors import BadUsageError, FrontDoorError
from docfleet.output import say
from settings.errors import SettingsError

app = typer.Typer(
    name="docfleet",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (
    commands_stack,
    commands_jobs,
    commands_keys,
    commands_dead_letters,
    commands_endpoints,
    commands_deliveries,
    commands_doors,
    commands_worker,
    commands_setup,
    commands_contract,
):
    group.add_commands(app)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        say(f"docfleet {__version__}")
        raise typer.Exit


@app.callback()
def docfleet(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Turn business documents into structured results, on machines of your own."""


def main() -> None:
    """Run the command.

    Exits with 2 for bad usage or configuration, 3 where no stack is running, 1 for the rest.
    """
    try:
        app()
    except FrontDoorError as error:
        say(f"docfleet: {error}", err=True)
        sys.exit(error.exit_code)
    except SettingsError as error:
        say(f"docfleet: {error}", err=True)
        sys.exit(BadUsageError.exit_code)
