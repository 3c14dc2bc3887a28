"""The user's terminal: tables of its width, questions and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from docfleet.commands.actions.dead_letters import Terminal
from docfleet.commands.texts.dead_letter import HEADINGS, letter_card, letter_cells, shortened
from docfleet.commands.texts.output import say, warn
from docfleet.errors import BadUsageError
from schemas.dead_letter import DeadLetter

_GAP = 2
_LEAST_MESSAGE = 24
_PIPE_MESSAGE = 80
_PIPE_WIDTH = 10_000
_MANY = 100


def this_terminal() -> Terminal:
    """Return the terminal of the command, or the pipes in its place."""
    return Terminal(say=say, warn=warn, ask=_ask, progress=_progress)


def print_letters(letters: Sequence[DeadLetter], now: datetime, console: Console) -> None:
    """Print a table with whole ids; on a narrow terminal, print a few lines for each letter."""
    rows = [letter_cells(letter, now) for letter in letters]
    room = _room(rows, console.width) if console.is_terminal else _PIPE_MESSAGE
    if room < _LEAST_MESSAGE:
        for letter in letters:
            for line in letter_card(letter, now):
                console.print(Text(line), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True)
    for *cells, message in rows:
        table.add_row(*map(Text, cells), Text(shortened(message, room)))
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(table)


def _room(rows: Sequence[Sequence[str]], width: int) -> int:
    """Return the characters that are left for messages."""
    columns = list(zip(HEADINGS, *rows, strict=True))[:-1]
    return width - sum(max(map(cell_len, column)) + _GAP for column in columns)


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
