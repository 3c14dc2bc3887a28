"""Commands about jobs: `submit` and `job`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError
from schemas.job import Priority

if TYPE_CHECKING:
    from producer.client import Client
    from schemas.job import Job

_WAIT_SECONDS = 600.0

TaskOption = Annotated[
    list[str], typer.Option("--task", help="A task to run; may be repeated.", metavar="NAME")
]


@grouped
@explained()
def submit(
    stack: TargetStack,
    documents: Annotated[
        list[str], typer.Argument(help="Paths or s3://bucket/key.", metavar="DOCUMENT...")
    ],
    task: TaskOption,
    *,
    callback: Annotated[
        str | None, typer.Option(help="Where to tell of the end.", metavar="URL")
    ] = None,
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            help="The adapter of a task, or `base` for none; may be repeated.",
            metavar="TASK=NAME@VERSION",
        ),
    ] = None,
    priority: Annotated[Priority, typer.Option(help="How soon.")] = Priority.NORMAL,
    metadata: Annotated[
        list[str] | None, typer.Option(help="Comes back with the result.", metavar="KEY=VALUE")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end of each job.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="With --wait: for so long.", metavar="SECONDS")
    ] = _WAIT_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Submit documents: local files or objects of a bucket, a job for each.

    Exit codes: 0 submitted, or with --wait succeeded. 1 with --wait: a job ended dead, cancelled
    or partially succeeded. 2 bad usage or configuration, or an unknown task or adapter. 3 no stack
    is running, or its Redis or object store does not answer. 4 a file is missing, empty or cannot
    be read. 5 with --wait: the time was up, and the jobs go on.
    """
    request = {
        "tasks": task,
        "callback": {"url": callback} if callback else None,
        "priority": priority,
        "metadata": _pairs("--metadata", metadata or []),
        "adapters": _pairs("--adapter", adapter or []),
    }
    from docfleet.commands.actions.submit import SubmitOrder, run_order

    order = SubmitOrder(documents, request, timeout if wait else None, as_json)
    if not asyncio.run(run_order(stack.settings(), order, say)):
        raise typer.Exit(1)


@grouped
@explained()
def job(
    stack: TargetStack,
    job_id: Annotated[str, typer.Argument(help="As `submit` printed it.", metavar="ID")],
    *,
    result: Annotated[bool, typer.Option("--result", help="Print the result, as JSON.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel it first.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the document beside its values to this file.", metavar="FILE"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a job: state, attempts, failure with its remedy, result.

    Exit codes: 0 shown. 1 there is no such job, or it has no result (yet), or it has ended and
    cannot be cancelled. 2 bad usage or configuration. 3 no stack is running, or its Redis or object
    store does not answer.
    """
    from docfleet.commands.texts.job import job_rows

    if html is not None and not html.parent.is_dir():
        raise BadUsageError(f"--html: there is no folder {html.parent}")

    async def shown(client: Client) -> str:
        found = await (client.cancel(job_id) if cancel else client.job(job_id))
        if html is not None:
            return await _page(client, found)
        if result:
            return (await client.result_bytes(job_id)).decode()
        if as_json:
            return json.dumps(found.public(), indent=2, ensure_ascii=False)
        return "\n".join(job_rows(found))

    text = stack.call(shown)
    if html is not None:
        _write(html, text)
        text = f"{html}  the pages of {job_id} beside its values"
    say(text)


async def _page(client: Client, found: Job) -> str:
    """Return the page of a job's result."""
    from docfleet.commands.actions.stored_text import stored_text
    from docfleet.commands.html.page import result_page

    result = await client.result(found.id)
    return await asyncio.to_thread(result_page, result, await stored_text(client, found))


def _write(path: Path, page: str) -> None:
    """Write a page for its owner's eyes alone: it holds a document."""
    from docfleet.stack.private_file import write_private

    try:
        write_private(path, page)
    except OSError as error:
        raise BadUsageError(f"--html: {path} cannot be written: {error.strerror}") from error


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadUsageError(f"{option} {text!r} is not of the form KEY=VALUE")
        pairs[key] = value
    return pairs


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command()(submit)
    app.command()(job)
