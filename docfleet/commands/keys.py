"""Commands that create, list and revoke API keys: `keys`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.age import parse_age
from docfleet.commands.texts.output import say
from schemas.api_key import ApiKey, ApiKeyRequest, Scope

_COLUMNS = "{:<12}  {:<16}  {:<26}  {:<20}  {:<20}  {}"

keys = typer.Typer(
    name="keys",
    help="Create, list and revoke keys of the HTTP API.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@keys.command()
@grouped
@explained()
def create(
    stack: TargetStack,
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; may be repeated.")],
    label: Annotated[str, typer.Option(help="Who or what will use it.", metavar="TEXT")],
    *,
    tenant: Annotated[
        str | None,
        typer.Option(help="Whose jobs it is for; the whole fleet's if not given.", metavar="NAME"),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_age, help="How long it works; for ever if not given.", metavar="15m|2h|90d"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print it, this once.

    Exit codes: 0 created. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    asked = ApiKeyRequest(
        label=label,
        scopes=tuple(scope),
        tenant=tenant,
        expires_seconds=round(expires.total_seconds()) if expires else None,
    )
    made = stack.call(lambda client: client.keyring.create(asked))
    if as_json:
        say(made.model_dump_json(indent=2, exclude_none=True))
        return
    say("this is the one time that the key is shown: only its digest is kept", err=True)
    say(made.key)


@keys.command("list")
@grouped
@explained()
def list_keys(
    stack: TargetStack,
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.", metavar="NAME")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the valid keys, the oldest first; DOCFLEET_API_KEY is not among them.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    found = stack.call(lambda client: client.keyring.each(tenant))
    if as_json:
        say(json.dumps([key.model_dump(mode="json", exclude_none=True) for key in found]))
        return
    say(_COLUMNS.format("ID", "TENANT", "SCOPES", "EXPIRES", "LAST USED", "LABEL"))
    for key in found:
        say(_line(key))


@keys.command()
@grouped
@explained()
def revoke(
    stack: TargetStack,
    key_id: Annotated[str, typer.Argument(help="As `list` prints it.", metavar="ID")],
    *,
    keep_made: Annotated[
        bool, typer.Option("--keep-made", help="Leave the keys that it made as they are.")
    ] = False,
) -> None:
    """Revoke a key and all keys that it made; they stop working within three seconds.

    Exit codes: 0 revoked. 1 there is no such key. 2 bad usage or configuration. 3 no stack is
    running, or its Redis does not answer.
    """
    revoked = stack.call(lambda client: client.keyring.revoke(key_id, keep_made=keep_made))
    for one in revoked:
        say(f"{one} is revoked")


def _line(key: ApiKey) -> str:
    times = [
        "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
        for at in (key.expires_at, key.last_used_at)
    ]
    tenant = key.tenant or "(whole fleet)"
    return _COLUMNS.format(key.id, tenant, " ".join(key.scopes), *times, key.label)


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(keys)
