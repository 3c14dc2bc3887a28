"""The `docfleet` command: its groups of commands, and the exit codes of errors."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from docfleet import __version__
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError, CommandError
from settings.errors import SettingsError

_MODULES = {
    "up": "stack",
    "ps": "stack",
    "env": "stack",
    "check": "check",
    "status": "status",
    "submit": "jobs",
    "job": "jobs",
    "delete": "delete",
    "adapters": "adapters",
    "keys": "keys",
    "audit": "audit",
    "dead-letters": "dead_letters",
    "reviews": "reviews",
    "endpoints": "endpoints",
    "callback-secret": "callback_secret",
    "deliveries": "deliveries",
    "api": "services",
    "watch": "services",
    "worker": "worker",
    "secrets": "setup",
    "buckets": "setup",
    "schemas": "contract",
    "failures": "contract",
    "eval": "evaluation",
    "plan": "planning",
    "simulate": "planning",
}
"""The module of each command, in the order of the help."""


class _Commands(TyperGroup):
    """The commands; each is imported when it is needed, for all of them together take a second."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Click's signature
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"docfleet.commands.{_MODULES[cmd_name]}")
        commands = typer.Typer(rich_markup_mode=None)
        module.add_commands(commands)
        return get_group(commands).commands[cmd_name]


app = typer.Typer(
    name="docfleet",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


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
