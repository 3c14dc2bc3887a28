"""The command that deletes jobs, and all that is kept of a document: `delete`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError
from schemas.ids import JOB_PREFIX
from schemas.job import DEFAULT_TENANT

if TYPE_CHECKING:
    from producer.client import Client

_SHA256 = re.compile(r"[0-9a-f]{64}")


@grouped
@explained()
def delete(
    stack: TargetStack,
    what: Annotated[
        str,
        typer.Argument(help="A job's id, or a document's s3://bucket/key or sha256.", metavar="ID"),
    ],
    *,
    tenant: Annotated[
        str, typer.Option(help="Whose document it is.", metavar="NAME")
    ] = DEFAULT_TENANT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a job that has ended, or all jobs of a document with the bytes that were uploaded.

    Text, results, records and events that are not sent yet go for good; the audit log says so.

    Exit codes: 0 deleted. 1 there is no such job or document, or a job has not ended. 2 bad usage
    or configuration. 3 no stack is running, or its Redis or object store does not answer.
    """
    from docfleet.commands.actions.terminal import this_terminal

    if not yes and not this_terminal().ask(f"Delete {what} for good?"):
        raise BadUsageError("nothing is deleted")

    async def deleted(client: Client) -> str:
        if what.startswith(JOB_PREFIX):
            await client.deletion.job(what)
            return f"{what}  deleted"
        named = {"sha256": what} if _SHA256.fullmatch(what) else {"uri": what}
        count = await client.deletion.document(tenant, **named)
        return f"{what}  deleted, with {count:,} job{'' if count == 1 else 's'}"

    say(stack.call(deleted))


def add_commands(app: typer.Typer) -> None:
    """Add it to the command."""
    app.command()(delete)
