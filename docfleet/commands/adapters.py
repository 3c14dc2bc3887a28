"""Commands about the registry of adapters: `adapters`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say
from schemas.adapter import AdapterFilter, AdapterState, AdapterTerms

if TYPE_CHECKING:
    from schemas.adapter import AdapterEntry

_COLUMNS = "{:<32}  {:<8}  {:<24}  {:<16}  {:>4}  {:<12}  {}"
RefArgument = Annotated[str, typer.Argument(help="As `list` prints it.", metavar="NAME@VERSION")]

adapters = typer.Typer(
    name="adapters",
    help="Add adapters to the registry, and choose which one a task runs on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@adapters.command()
@grouped
@explained()
def add(
    stack: TargetStack,
    folder: Annotated[
        Path, typer.Argument(help="A PEFT directory with safetensors.", metavar="DIR")
    ],
    name: Annotated[str, typer.Option(help="The adapter's name.", metavar="NAME")],
    version: Annotated[str, typer.Option(help="Never used for this name before.", metavar="V")],
    task: Annotated[str, typer.Option(help="The task that it was trained for.", metavar="TASK")],
    *,
    base: Annotated[
        str | None,
        typer.Option(
            help="Its base model in fleet.toml, if its config does not say.", metavar="MODEL"
        ),
    ] = None,
    notes: Annotated[str, typer.Option(help="Anything worth knowing.", metavar="TEXT")] = "",
    as_json: JsonOption = False,
) -> None:
    """Check an adapter, store it and add it to the registry; jobs can name it at once.

    Exit codes: 0 added, or the same one was there. 1 it is damaged, does not fit, or its name and
    version belong to another adapter. 2 bad usage or configuration, or an unknown task. 3 no stack
    is running, or its Redis or object store does not answer.
    """
    terms = AdapterTerms(name=name, version=version, task=task, base=base, notes=notes)
    _tell(stack.call(lambda client: client.adapters.add(folder, terms)), as_json=as_json)


@adapters.command("list")
@grouped
@explained()
def list_adapters(
    stack: TargetStack,
    *,
    task: Annotated[str | None, typer.Option(help="Only this task's.", metavar="TASK")] = None,
    state: Annotated[AdapterState | None, typer.Option(help="Only those in this state.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the adapters, the newest first.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    which = AdapterFilter(task=task, state=state)
    found = stack.call(lambda client: client.adapters.each(which))
    if as_json:
        say(json.dumps([entry.public() for entry in found], ensure_ascii=False))
        return
    say(_COLUMNS.format("ADAPTER", "STATE", "TASK", "BASE", "RANK", "SHA256", "NOTES"))
    for one in found:
        words = (one.ref, one.state, one.task, one.base, one.rank, one.sha256[:12], one.notes)
        say(_COLUMNS.format(*words).rstrip())


@adapters.command()
@grouped
@explained()
def show(stack: TargetStack, ref: RefArgument) -> None:
    """Show an adapter, as JSON.

    Exit codes: 0 shown. 1 there is no such adapter. 2 bad usage or configuration. 3 no stack is
    running, or its Redis does not answer.
    """
    _tell(stack.call(lambda client: client.adapters.get(ref)), as_json=True)


@adapters.command()
@grouped
@explained()
def promote(stack: TargetStack, ref: RefArgument, *, as_json: JsonOption = False) -> None:
    """Make an adapter the default of its task; promote an earlier version to roll back.

    Jobs that are in flight stay on the version that they began with.

    Exit codes: 0 promoted. 1 there is no such adapter, or it is retired. 2 bad usage or
    configuration. 3 no stack is running, or its Redis does not answer.
    """
    _tell(stack.call(lambda client: client.adapters.promote(ref)), as_json=as_json)


@adapters.command()
@grouped
@explained()
def retire(stack: TargetStack, ref: RefArgument, *, as_json: JsonOption = False) -> None:
    """Let no new job run on an adapter; jobs that are in flight still do.

    Exit codes: 0 retired. 1 there is no such adapter. 2 bad usage or configuration. 3 no stack is
    running, or its Redis does not answer.
    """
    _tell(stack.call(lambda client: client.adapters.retire(ref)), as_json=as_json)


def _tell(entry: AdapterEntry, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(entry.public(), indent=2, ensure_ascii=False))
        return
    say(f"{entry.ref} is {entry.state}: task {entry.task}, base {entry.base}, {entry.sha256[:12]}")


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(adapters)
