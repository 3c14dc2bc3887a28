"""The user's terminal: tables that fit it, questions and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from docfleet.dead_letter_order import Terminal
from docfleet.dead_letter_text import HEADINGS, letter_card, letter_cells
from docfleet.errors import BadUsageError
from schemas.dead_letter import DeadLetter

_WIDE = 120
_PIPE_WIDTH = 10_000
_MANY = 100


def this_terminal() -> Terminal:
    """The one that the command was typed on, or the pipes in its place."""
    return Terminal(
        say=typer.echo, warn=lambda line: typer.echo(line, err=True), ask=_ask, progress=_progress
    )


def print_letters(letters: Sequence[DeadLetter], now: datetime, console: Console) -> None:
    """A table; on a narrow terminal three lines for each, and in a pipe a line for each."""
    if console.is_terminal and console.width < _WIDE:
        for letter in letters:
            for line in letter_card(letter, now):
                console.print(Text(line), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in HEADINGS:
        last = heading == HEADINGS[-1]
        table.add_column(heading, no_wrap=True, overflow="ellipsis" if last else "fold")
    for letter in letters:
        table.add_row(*map(Text, letter_cells(letter, now)))
    console.print(table, width=None if console.is_terminal else _PIPE_WIDTH)


def _ask(question: str) -> bool:
    try:
        return typer.confirm(question)
    except typer.Abort:
        raise BadUsageError("nobody answered: say --yes") from None


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], None]]:
    bar = Progress(console=Console(stderr=True), disable=count < _MANY or not sys.stderr.isatty())
    with bar:
        work = bar.add_task("", total=count)
        yield lambda: bar.advance(work)
