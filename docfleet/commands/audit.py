"""Command that lists actions on keys, endpoints and dead letters: `audit`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say
from schemas.audit import AuditEntry

_COLUMNS = "{:<20}  {:<23}  {:<16}  {:<15}  {:<12}  {}"


@grouped
@explained()
def audit(
    stack: TargetStack,
    *,
    tenant: Annotated[
        str | None,
        typer.Option(help="Only what was done to this tenant's.", metavar="NAME"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most entries.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the actions on keys, endpoints and dead letters, the newest first.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    page = stack.call(lambda client: client.audit_log.page(tenant, limit=limit))
    if as_json:
        for entry in page.items:
            say(json.dumps(entry.public(), ensure_ascii=False))
        return
    say(_COLUMNS.format("AT", "ACTION", "ACTOR", "ADDRESS", "TENANT", "WHAT"))
    for entry in page.items:
        say(_line(entry))


def _line(entry: AuditEntry) -> str:
    what = "  ".join(filter(None, [entry.target, entry.detail]))
    return _COLUMNS.format(
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.action,
        entry.actor,
        entry.address or "-",
        entry.tenant or "-",
        what,
    ).rstrip()


def add_commands(app: typer.Typer) -> None:
    """Add it to the command."""
    app.command()(audit)
