"""Options that commands share: each command takes them, and is given them as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.texts.output import say

app = typer.Typer(rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Place of the search."""

    context: typer.Context
    folder: Annotated[str, typer.Option(help="A folder.")] = "here"


@dataclass(frozen=True, slots=True)
class Choice:
    """Object of the search."""

    names: Annotated[list[str], typer.Argument()]
    limit: Annotated[int, typer.Option("-n", min=1)] = 3


@app.command()
@grouped
def look(place: Place, choice: Choice, *, loud: Annotated[bool, typer.Option("--loud")]) -> None:
    """Look."""
    say(f"{place.context.info_name} {place.folder} {choice.names} {choice.limit} {loud}")


def _typed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.output


def test_a_command_takes_the_options_and_arguments_of_its_groups() -> None:
    """The values are typed or default; the context is passed on."""
    assert _typed("a", "b", "--loud") == (0, "look here ['a', 'b'] 3 True\n")
    typed = ("a", "--loud", "--folder", "there", "-n", "5")
    assert _typed(*typed) == (0, "look there ['a'] 5 True\n")


def test_what_a_group_asks_for_is_checked_like_any_other_option() -> None:
    """A group's option has its bounds, its help, and may have to be there."""
    code, said = _typed("a", "--loud", "-n", "0")
    assert (code, "greater than or equal to 1" in said) == (2, True)
    code, said = _typed("--loud")
    assert (code, "Missing argument" in said) == (2, True)
    assert "A folder." in _typed("--help")[1]
