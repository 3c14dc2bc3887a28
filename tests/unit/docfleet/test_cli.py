"""The table of commands in docfleet/cli.py."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer
from typer.main import get_command, get_group

import docfleet.commands
from docfleet.cli import app


def test_each_command_of_each_module_is_in_the_help() -> None:
    """Each module that adds commands stands in the table with all of them."""
    added = set()
    for found in iter_modules(docfleet.commands.__path__):
        module = import_module(f"docfleet.commands.{found.name}")
        if hasattr(module, "add_commands"):
            commands = typer.Typer()
            module.add_commands(commands)
            added |= get_group(commands).commands.keys()
    group = get_command(app)
    context = typer.Context(group)
    assert set(group.list_commands(context)) == added
    for name in added:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_a_command_imports_no_more_than_it_needs() -> None:
    """`ps` needs neither Celery nor a client of S3, and answers sooner without them."""
    asked = (
        "import sys; from docfleet.cli import app; app(['ps', '--help'], standalone_mode=False);"
        "print(sorted({'celery', 'boto3', 'fastapi', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run(  # our own interpreter
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
