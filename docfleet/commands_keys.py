"""The commands that create, list and revoke keys of the HTTP API: `keys`."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Annotated

import typer

from docfleet.age import parse_age
from docfleet.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    JsonOption,
    StateDirOption,
    state_dir_named,
)
from schemas.api_key import ApiKey, ApiKeyRequest, Scope

_COLUMNS = "{:<12}  {:<16}  {:<26}  {:<20}  {:<20}  {}"

keys = typer.Typer(
    name="keys",
    help="Create, list and revoke keys of the HTTP API.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@keys.command()
def create(
    context: typer.Context,
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; may be repeated.")],
    label: Annotated[str, typer.Option(help="Who or what will use it.", metavar="TEXT")],
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
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
    """Create a key and print it: the one time that it is shown.

    Exit codes: 0 created. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from producer.client import connect

    async def run() -> None:
        asked = ApiKeyRequest(
            label=label,
            scopes=tuple(scope),
            tenant=tenant,
            expires_seconds=round(expires.total_seconds()) if expires else None,
        )
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        async with connect(settings) as client:
            made = await client.keyring.create(asked)
        if as_json:
            typer.echo(made.model_dump_json(indent=2, exclude_none=True))
            return
        typer.echo("this is the one time that the key is shown: only its digest is kept", err=True)
        typer.echo(made.key)

    with explained():
        asyncio.run(run())


@keys.command("list")
def list_keys(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.", metavar="NAME")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the keys that work, the oldest first; DOCFLEET_API_KEY is not one of them.

    Exit codes: 0 listed. 2 bad usage or configuration. 3 no stack is running, or its Redis does
    not answer.
    """
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from producer.client import connect

    async def run() -> list[ApiKey]:
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        async with connect(settings) as client:
            return await client.keyring.each(tenant)

    with explained():
        found = asyncio.run(run())
    if as_json:
        typer.echo(json.dumps([key.model_dump(mode="json", exclude_none=True) for key in found]))
        return
    typer.echo(_COLUMNS.format("ID", "TENANT", "SCOPES", "EXPIRES", "LAST USED", "LABEL"))
    for key in found:
        typer.echo(_line(key))


@keys.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="As `list` prints it.", metavar="ID")],
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
) -> None:
    """Revoke a key: within three seconds it opens nothing any more.

    Exit codes: 0 revoked. 1 there is no such key. 2 bad usage or configuration. 3 no stack is
    running, or its Redis does not answer.
    """
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from producer.client import connect

    async def run() -> None:
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        async with connect(settings) as client:
            await client.keyring.revoke(key_id)

    with explained():
        asyncio.run(run())
    typer.echo(f"{key_id} is revoked")


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
