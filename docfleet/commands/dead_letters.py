"""Commands that list, redrive and drop dead letters: `dead-letters`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.age import AGE_METAVAR, parse_age
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError
from schemas.dead_letter import DeadLetter, DeadLetterFilter, DeadLetterKind, Redrive
from schemas.failure import FailureCode
from schemas.kept import KeptTasks

if TYPE_CHECKING:
    from collections import Counter

    from docfleet.commands.actions.dead_letters import Choice
    from ledger.page import Page
    from producer.client import Client

letters = typer.Typer(
    name="dead-letters",
    help="Look through what will not be tried again by itself, redrive it or drop it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True, slots=True)
class LetterOptions:
    """Options that select dead letters."""

    code: Annotated[
        FailureCode | None, typer.Option(help="Of this failure code.", metavar="CODE")
    ] = None
    task: Annotated[str | None, typer.Option(help="Jobs that run this task.", metavar="NAME")] = (
        None
    )
    tenant: Annotated[str | None, typer.Option(help="Of this tenant.", metavar="NAME")] = None
    kind: Annotated[DeadLetterKind | None, typer.Option(help="Jobs or deliveries alone.")] = None
    older_than: Annotated[
        timedelta | None,
        typer.Option(parser=parse_age, help="Dead for longer than this.", metavar=AGE_METAVAR),
    ] = None
    newer_than: Annotated[
        timedelta | None,
        typer.Option(parser=parse_age, help="Dead for less than this.", metavar=AGE_METAVAR),
    ] = None

    def filter(self) -> DeadLetterFilter:
        """Return the filter, as of now."""
        now = datetime.now(UTC)
        return DeadLetterFilter(
            code=self.code,
            task=self.task,
            tenant=self.tenant,
            kind=self.kind,
            before=now - self.older_than if self.older_than is not None else None,
            after=now - self.newer_than if self.newer_than is not None else None,
        )


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """Options that select the dead letters to change, beside their filter."""

    ids: Annotated[
        list[str] | None, typer.Argument(help="As `list` prints them.", metavar="ID...")
    ] = None
    everything: Annotated[bool, typer.Option("--all", help="All that meet the filters.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False

    def choice(self, which: LetterOptions) -> Choice:
        """Return the chosen letters; raise BadUsageError for an unclear choice."""
        from docfleet.commands.actions.dead_letters import choose

        return choose(self.ids or [], which.filter(), everything=self.everything, yes=self.yes)


@letters.command("list")
@grouped
@explained()
def list_letters(
    stack: TargetStack,
    which: LetterOptions,
    *,
    limit: Annotated[int, typer.Option(min=1, help="The most of them.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, the newest first.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    wanted = which.filter()
    counted = wanted == DeadLetterFilter() and not as_json

    async def find(client: Client) -> tuple[Page[DeadLetter], Counter[str] | None]:
        page = await client.dead_letters.page(wanted, limit=limit)
        return page, await client.dead_letters.counts() if counted else None

    page, counts = stack.call(find)
    if as_json:
        for letter in page.items:
            say(json.dumps(letter.public(), ensure_ascii=False))
    else:
        _print_page(page, counts)


def _print_page(page: Page[DeadLetter], counts: Counter[str] | None) -> None:
    from rich.console import Console

    from docfleet.commands.actions.terminal import print_letters
    from docfleet.commands.texts.dead_letter import summary

    if page.items:
        print_letters(page.items, datetime.now(UTC), Console())
    if page.next:
        shown = len(page.items)
        say(f"the newest {shown} are shown: --limit shows more, filters show others")
    if counts is not None:
        say(summary(counts))
    elif not page.items:
        say("there is no such dead letter")


@letters.command()
@grouped
@explained()
def show(
    stack: TargetStack,
    letter_id: Annotated[str, typer.Argument(help="As `list` prints it.", metavar="ID")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Print raw answers whole.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a dead letter: the failure, its reason, the attempts, and the remedies.

    Exit codes: 0 shown. 1 there is no such dead letter. 2 bad usage or configuration. 3 no stack
    is running, or its Redis does not answer.
    """
    from docfleet.commands.texts.dead_letter import ViewOptions, letter_lines

    settings = stack.settings()
    letter, kept = stack.call(lambda client: _with_kept(client, letter_id))
    if as_json:
        told = letter.public()
        if isinstance(kept, KeptTasks):
            told["kept"] = kept.model_dump(mode="json", exclude_none=True)
        say(json.dumps(told, indent=2, ensure_ascii=False))
        return
    around = ViewOptions(datetime.now(UTC), tuple(settings.pools), stack.words(), raw=raw)
    say("\n".join(letter_lines(letter, kept, around)))


async def _with_kept(client: Client, letter_id: str) -> tuple[DeadLetter, KeptTasks | str | None]:
    """Return a dead letter with its kept results, or with the reason why they cannot be read."""
    from storage.errors import StorageError

    letter = await client.dead_letters.get(letter_id)
    try:
        return letter, await client.dead_letters.kept(letter)
    except (StorageError, ValueError) as error:
        return letter, str(error)


@letters.command()
@grouped
@explained()
def redrive(
    stack: TargetStack,
    which: LetterOptions,
    chosen: ChoiceOptions,
    *,
    pool: Annotated[
        str | None, typer.Option(help="The pool that is to run them.", metavar="NAME")
    ] = None,
    task_version: Annotated[
        list[str] | None,
        typer.Option(help="The version that has to run; may be repeated.", metavar="TASK=VERSION"),
    ] = None,
) -> None:
    """Send dead letters round again, or jobs that partially succeeded.

    Kept results stay: only tasks that did not succeed run again, and those that succeeded in
    another version than the one asked for.

    Exit codes: 0 all redriven, or not wanted after all. 1 some are not there or are not dead; the
    others are redriven. 2 bad usage or configuration. 3 no stack is running, or its Redis does not
    answer.
    """
    from docfleet.commands.actions import dead_letters as order
    from docfleet.commands.actions.terminal import this_terminal

    choice = chosen.choice(which)
    how = Redrive(pool=pool, versions=_versions(task_version or []))
    if not stack.call(lambda client: order.redrive(client, choice, how, this_terminal())):
        raise typer.Exit(1)


@letters.command()
@grouped
@explained()
def drop(stack: TargetStack, which: LetterOptions, chosen: ChoiceOptions) -> None:
    """Drop dead letters that are not needed any more.

    They count as cancelled, without notice, and the documents stay.

    Exit codes: 0 all dropped, or not wanted after all. 1 some are not there or are not dead; the
    others are dropped. 2 bad usage or configuration. 3 no stack is running, or its Redis does not
    answer.
    """
    from docfleet.commands.actions import dead_letters as order
    from docfleet.commands.actions.terminal import this_terminal

    choice = chosen.choice(which)
    if not stack.call(lambda client: order.drop(client, choice, this_terminal())):
        raise typer.Exit(1)


def _versions(texts: list[str]) -> dict[str, str]:
    versions = {}
    for text in texts:
        task, equals, version = text.partition("=")
        if not (equals and version):
            raise BadUsageError(f"--task-version {text!r} is not of the form TASK=VERSION")
        versions[task] = version
    return versions


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(letters)
