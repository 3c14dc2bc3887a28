"""Actions of `docfleet dead-letters redrive` and `drop`: find, ask, change and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

from docfleet.commands.texts.dead_letter import counted, dead_letters
from docfleet.errors import BadUsageError
from producer.client import Client
from producer.dead_letters import Refusal, Refused
from schemas.dead_letter import DeadLetterFilter, Redrive

DROPPED = "they count as cancelled, nobody is told, and the documents are not touched"

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """Choice of dead letters.

    Attributes:
        ids: Their ids; empty for all that meet the filter.
        which: The filter.
        yes: True to skip the question.
    """

    ids: Sequence[str]
    which: DeadLetterFilter
    yes: bool


@dataclass(frozen=True, slots=True)
class Terminal:
    """The user's terminal.

    Attributes:
        say: Prints a line to the standard output.
        warn: Prints a line to the standard error.
        ask: Asks a question; returns whether the user agrees.
        progress: Given a count, returns a function that is called for each letter that is done.
    """

    say: Callable[[str], None]
    warn: Callable[[str], None]
    ask: Callable[[str], bool]
    progress: Callable[[int], AbstractContextManager[Callable[[], None]]]


class _Verb(NamedTuple):
    name: str
    done: str


_REDRIVE, _DROP = _Verb("redrive", "redriven"), _Verb("drop", "dropped")


def choose(ids: Sequence[str], which: DeadLetterFilter, *, everything: bool, yes: bool) -> Choice:
    """Check that the choice is clear.

    Raises:
        BadUsageError: The choice is not clear.
    """
    filtered = which != DeadLetterFilter()
    if ids and (everything or filtered):
        raise BadUsageError("name dead letters by their ids, or by --all and filters, not by both")
    if not ids and not everything:
        raise BadUsageError("name dead letters by their ids, or say --all, with filters or without")
    return Choice(tuple(dict.fromkeys(ids)), which, yes)


async def redrive(client: Client, choice: Choice, how: Redrive, terminal: Terminal) -> bool:
    """Redrive the letters; return whether each one was redriven.

    Raises:
        UnknownPoolError: There is no such pool; the producer and the ledger raise further errors.
    """
    letters = client.dead_letters
    letters.check(how)
    ids = choice.ids
    if not ids:
        codes, ids = await _find(client, choice.which)
        where = f" to the pool {how.pool}" if how.pool else ""
        question = f"Redrive {dead_letters(len(ids))}{where} ({counted(codes)})?"
        if not _wanted(ids, question, choice, terminal):
            return True
    return await _change(
        _REDRIVE,
        ids,
        lambda refused: letters.redrive_many(ids, how, refused),
        choice,
        terminal,
    )


async def drop(client: Client, choice: Choice, terminal: Terminal) -> bool:
    """Drop the letters; return whether each one was dropped."""
    ids, codes_text = choice.ids, ""
    if not ids:
        codes, ids = await _find(client, choice.which)
        codes_text = f" ({counted(codes)})"
    question = f"Drop {dead_letters(len(ids))}{codes_text}: {DROPPED}. Go on?"
    if not _wanted(ids, question, choice, terminal):
        return True
    return await _change(
        _DROP,
        ids,
        lambda refused: client.dead_letters.drop_many(ids, refused),
        choice,
        terminal,
    )


async def _find(client: Client, which: DeadLetterFilter) -> tuple[Counter[str], Sequence[str]]:
    """Count letters by code and collect all ids first: entries vanish during the work."""
    codes: Counter[str] = Counter()
    ids = []
    async for letter in client.dead_letters.each(which):
        codes[letter.failure.code] += 1
        ids.append(letter.id)
    return codes, ids


def _wanted(ids: Sequence[str], question: str, choice: Choice, terminal: Terminal) -> bool:
    if not ids:
        terminal.say("there is no such dead letter")
        return False
    if choice.yes or terminal.ask(question):
        return True
    terminal.say("nothing was changed")
    return False


async def _change(
    verb: _Verb,
    ids: Sequence[str],
    change: Callable[[Refused], AsyncIterator[str]],
    choice: Choice,
    terminal: Terminal,
) -> bool:
    refusals: list[Refusal] = []
    done = 0
    try:
        with terminal.progress(len(ids)) as advance:
            async for record_id in change(refusals.append):
                done += 1
                advance()
                if choice.ids and len(ids) <= _LISTED:
                    terminal.say(f"{record_id}  {verb.done}")
    finally:  # also when Redis stops in the middle
        for refusal in refusals:
            terminal.warn(f"not {verb.done}: {refusal.reason}")
        what = f": {DROPPED}" if verb is _DROP and done else ""
        terminal.say(f"{verb.done} {done:,} of {dead_letters(len(ids))}{what}")
    return not refusals
