"""Output of every command: all text passes here, and none of it can control a terminal."""

from __future__ import annotations

import json

import typer

from schemas.contract import Contract
from settings.printable import printable


def say(text: str, *, err: bool = False) -> None:
    """Print text and a line feed, whatever documents, ids and servers have put into it.

    Args:
        text: Of any number of lines; JSON stays the same JSON.
        err: Whether it goes to the standard error.
    """
    typer.echo(printable(text), err=err)


def say_json(found: Contract) -> None:
    """Print a message as JSON, without what is not set."""
    say(json.dumps(found.model_dump(mode="json", exclude_none=True), indent=2))


def warn(text: str) -> None:
    """Print a line to the standard error."""
    say(text, err=True)
