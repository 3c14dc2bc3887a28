"""The `docfleet` command: its groups of commands, and the exit codes of errors."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from docfleet import __version__
from docfleet.commands import audit as commands_audit
from docfleet.commands import callback_secret as commands_callback_secret
from docfleet.commands import contract as commands_contract
from docfleet.commands import dead_letters as commands_dead_letters
from docfleet.commands import delete as commands_delete
from docfleet.commands import deliveries as commands_deliveries
from docfleet.commands import endpoints as commands_endpoints
from docfleet.commands import evaluation as commands_evaluation
from docfleet.commands import jobs as commands_jobs
from docfleet.commands import keys as commands_keys
from docfleet.commands import reviews as commands_reviews
from docfleet.commands import services as commands_doors
from docfleet.commands import setup as commands_setup
from docfleet.commands import stack as commands_stack
from docfleet.commands import worker as commands_worker
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError, CommandError
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
    commands_delete,
    commands_keys,
    commands_audit,
    commands_dead_letters,
    commands_reviews,
    commands_endpoints,
    commands_callback_secret,
    commands_deliveries,
    commands_doors,
    commands_worker,
    commands_setup,
    commands_contract,
    commands_evaluation,
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

    Exit with 2 for bad usage or configuration, 3 when no stack is running, 1 for other errors.
    """
    try:
        app()
    except CommandError as error:
        say(f"docfleet: {error}", err=True)
        sys.exit(error.exit_code)
    except SettingsError as error:
        say(f"docfleet: {error}", err=True)
        sys.exit(BadUsageError.exit_code)
