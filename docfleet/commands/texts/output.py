"""Output of every command: all text passes here, so that none of it can control a terminal."""

from __future__ import annotations

import json

import typer

from schemas.contract import Contract
from settings.printable import printable


def say(text: str, *, err: bool = False) -> None:
    """Print text and a line feed; escape control characters of documents, ids and servers.

    Args:
        text: Text of any number of lines; JSON keeps its meaning.
        err: True for the standard error.
    """
    typer.echo(printable(text), err=err)


def say_json(found: Contract) -> None:
    """Print a message as JSON, without unset fields."""
    say(json.dumps(found.model_dump(mode="json", exclude_none=True), indent=2))


def warn(text: str) -> None:
    """Print a line to the standard error."""
    say(text, err=True)
