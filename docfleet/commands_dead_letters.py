"""The commands that look through dead letters, redrive them and drop them: `dead-letters`."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from docfleet.age import parse_age
from docfleet.errors import BadUsageError
from docfleet.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    JsonOption,
    StateDirOption,
    named_options,
    state_dir_named,
)
from schemas.dead_letter import DeadLetterFilter, DeadLetterKind
from schemas.failure import FailureCode

CodeOption = Annotated[
    FailureCode | None, typer.Option("--code", help="Of this failure code.", metavar="CODE")
]
TaskOption = Annotated[
    str | None, typer.Option("--task", help="Jobs that run this task.", metavar="NAME")
]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", help="Of this tenant.", metavar="NAME")
]
KindOption = Annotated[
    DeadLetterKind | None, typer.Option("--kind", help="Jobs or deliveries alone.")
]
_AGE_METAVAR = "90s|15m|2h|7d"
OlderOption = Annotated[
    timedelta | None,
    typer.Option(
        "--older-than", parser=parse_age, help="Dead for longer than this.", metavar=_AGE_METAVAR
    ),
]
NewerOption = Annotated[
    timedelta | None,
    typer.Option(
        "--newer-than", parser=parse_age, help="Dead for less than this.", metavar=_AGE_METAVAR
    ),
]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(help="As `list` prints them.", metavar="ID...")
]
AllOption = Annotated[bool, typer.Option("--all", help="All that meet the filters.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

letters = typer.Typer(
    name="dead-letters",
    help="Look through what will not be tried again by itself, redrive it or drop it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@letters.command("list")
def list_letters(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    code: CodeOption = None,
    task: TaskOption = None,
    tenant: TenantOption = None,
    kind: KindOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The most of them.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, the newest first.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    from rich.console import Console

    from docfleet import dead_letter_text
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from docfleet.terminal import print_letters
    from producer.client import connect

    async def run() -> None:
        which = _filter(code, task, tenant, kind, older_than, newer_than)
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        async with connect(settings) as client:
            page = await client.dead_letters.page(which, limit=limit)
            if as_json:
                for letter in page.items:
                    typer.echo(json.dumps(letter.public(), ensure_ascii=False))
                return
            if page.items:
                print_letters(page.items, datetime.now(UTC), Console())
            if page.next:
                typer.echo(f"the newest {limit} are shown: --limit shows more, filters show others")
            if which != DeadLetterFilter():
                if not page.items:
                    typer.echo("there is no such dead letter")
            else:
                typer.echo(dead_letter_text.summary(await client.dead_letters.counts()))

    with explained():
        asyncio.run(run())


@letters.command()
def show(
    context: typer.Context,
    letter_id: Annotated[str, typer.Argument(help="As `list` prints it.", metavar="ID")],
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Print raw answers whole.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show all about a dead letter: what died, why, what was tried, and what can be done.

    Exit codes: 0 shown. 1 there is no such dead letter. 2 bad usage or configuration. 3 no stack
    is running, or its Redis does not answer.
    """
    from docfleet.dead_letter_text import Surroundings, letter_lines
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from producer.client import connect
    from schemas.kept import KeptTasks
    from storage.errors import StorageError

    async def run() -> None:
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        async with connect(settings) as client:
            letter = await client.dead_letters.get(letter_id)
            kept: KeptTasks | str | None
            try:
                kept = await client.dead_letters.kept(letter)
            except (StorageError, ValueError) as error:
                kept = str(error)
        if as_json:
            told = letter.public()
            if isinstance(kept, KeptTasks):
                told["kept"] = kept.model_dump(mode="json", exclude_none=True)
            typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        around = Surroundings(
            datetime.now(UTC), tuple(settings.pools), named_options(context), raw=raw
        )
        typer.echo("\n".join(letter_lines(letter, kept, around)))

    with explained():
        asyncio.run(run())


@letters.command()
def redrive(
    context: typer.Context,
    ids: IdsArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    everything: AllOption = False,
    code: CodeOption = None,
    task: TaskOption = None,
    tenant: TenantOption = None,
    kind: KindOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    pool: Annotated[
        str | None, typer.Option(help="The pool that is to run them.", metavar="NAME")
    ] = None,
    task_version: Annotated[
        list[str] | None,
        typer.Option(help="The version that has to run; may be repeated.", metavar="TASK=VERSION"),
    ] = None,
    yes: YesOption = False,
) -> None:
    """Send dead letters round again, or jobs that partially succeeded.

    What a job's tasks came to is kept: only those that did not succeed run again, and those that
    succeeded in another version than the one asked for.

    Exit codes: 0 all redriven, or not wanted after all. 1 some are not there or are not dead; the
    others are redriven. 2 bad usage or configuration. 3 no stack is running, or its Redis does not
    answer.
    """
    from docfleet import dead_letter_order as order
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from docfleet.terminal import this_terminal
    from schemas.dead_letter import Redrive

    with explained():
        which = _filter(code, task, tenant, kind, older_than, newer_than)
        choice = order.choose(ids or [], which, everything=everything, yes=yes)
        how = Redrive(pool=pool, versions=_versions(task_version or []))
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        all_is_well = asyncio.run(order.redrive(settings, choice, how, this_terminal()))
    if not all_is_well:
        raise typer.Exit(1)


@letters.command()
def drop(
    context: typer.Context,
    ids: IdsArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    everything: AllOption = False,
    code: CodeOption = None,
    task: TaskOption = None,
    tenant: TenantOption = None,
    kind: KindOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    yes: YesOption = False,
) -> None:
    """Drop dead letters that nobody needs any more.

    They count as cancelled, nobody is told, and the documents are not touched.

    Exit codes: 0 all dropped, or not wanted after all. 1 some are not there or are not dead; the
    others are dropped. 2 bad usage or configuration. 3 no stack is running, or its Redis does not
    answer.
    """
    from docfleet import dead_letter_order as order
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from docfleet.terminal import this_terminal

    with explained():
        which = _filter(code, task, tenant, kind, older_than, newer_than)
        choice = order.choose(ids or [], which, everything=everything, yes=yes)
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        all_is_well = asyncio.run(order.drop(settings, choice, this_terminal()))
    if not all_is_well:
        raise typer.Exit(1)


def _filter(
    code: FailureCode | None,
    task: str | None,
    tenant: str | None,
    kind: DeadLetterKind | None,
    older_than: timedelta | None,
    newer_than: timedelta | None,
) -> DeadLetterFilter:
    now = datetime.now(UTC)
    return DeadLetterFilter(
        code=code,
        task=task,
        tenant=tenant,
        kind=kind,
        before=now - older_than if older_than is not None else None,
        after=now - newer_than if newer_than is not None else None,
    )


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
