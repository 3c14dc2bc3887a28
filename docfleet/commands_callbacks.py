"""The commands about callbacks: `endpoints` and `deliveries`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from docfleet.age import parse_age
from docfleet.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    StateDirOption,
    state_dir_named,
)
from schemas.endpoint import EndpointState, SecretRotation
from schemas.event import EventType, PayloadKind
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState

if TYPE_CHECKING:
    from producer.endpoints import Endpoints
    from schemas.model import Contract

TenantOption = Annotated[str, typer.Option("--tenant", help="Whose.", metavar="NAME")]
EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="ep_...")]
AgeOption = Annotated[
    timedelta | None,
    typer.Option(parser=parse_age, help="Opened so long ago.", metavar="90s|15m|2h|7d"),
]

Stack = tuple[typer.Context, Path, Path]
"""How the command names the stack: its context, the fleet's file, the state directory."""

endpoints = typer.Typer(
    help="Receivers that are told of every job: register, test, rotate secrets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
deliveries = typer.Typer(
    help="What was and is sent to receivers: look through it, send it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _asking(stack: Stack, ask: Callable[[Endpoints], Awaitable[Any]]) -> Any:
    from docfleet.fleet_settings import connected_settings
    from docfleet.producer_errors import explained
    from producer.client import connect

    async def run() -> Any:
        context, config, state_dir = stack
        settings = connected_settings(config, state_dir, named=state_dir_named(context))
        async with connect(settings) as client:
            return await ask(client.endpoints)

    with explained():
        return asyncio.run(run())


def _print(found: Contract) -> None:
    typer.echo(json.dumps(found.model_dump(mode="json", exclude_none=True), indent=2))


@endpoints.command("add")
def add_endpoint(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL")],
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    event: Annotated[
        list[EventType] | None, typer.Option(help="Told of this alone; may be repeated.")
    ] = None,
    payload: Annotated[PayloadKind, typer.Option(help="What events carry.")] = PayloadKind.THIN,
    v1a: Annotated[bool, typer.Option("--v1a", help="Sign with Ed25519 as well.")] = False,
    certificate: Annotated[
        str | None, typer.Option(help="Of [callbacks] certificates_dir.", metavar="NAME")
    ] = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Register a receiver; prints it with its secret, which is not shown again."""
    from docfleet.producer_errors import explained
    from schemas.endpoint import EndpointRequest

    with explained():
        request = EndpointRequest.model_validate(
            {
                "url": url,
                "events": tuple(event or ()),
                "payload": payload,
                "v1a": v1a,
                "client_certificate": certificate,
            }
        )
    _print(_asking((context, config, state_dir), lambda client: client.create(tenant, request)))


@endpoints.command("list")
def list_endpoints(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """List a tenant's endpoints, a line each."""
    for one in _asking((context, config, state_dir), lambda client: client.of_tenant(tenant)):
        why = f" ({one.reason})" if one.reason else ""
        typer.echo(f"{one.id}  {one.state}{why}  {one.url}")


@endpoints.command("show")
def show_endpoint(
    context: typer.Context,
    endpoint: EndpointArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Show an endpoint."""
    _print(_asking((context, config, state_dir), lambda client: client.get(tenant, endpoint)))


@endpoints.command("test")
def send_test(
    context: typer.Context,
    endpoint: EndpointArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Send a test event; prints the delivery's id."""
    typer.echo(
        _asking((context, config, state_dir), lambda client: client.test(tenant, endpoint)).id
    )


@endpoints.command("rotate-secret")
def rotate_secret(
    context: typer.Context,
    endpoint: EndpointArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    overlap: Annotated[
        timedelta,
        typer.Option(parser=parse_age, help="The old one signs too for so long.", metavar="24h"),
    ] = "24h",  # type: ignore[assignment]  # typer parses defaults too
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Make a new signing secret; prints it."""
    from docfleet.producer_errors import explained

    with explained():
        how = SecretRotation(overlap_seconds=int(overlap.total_seconds()))
    _print(
        _asking((context, config, state_dir), lambda client: client.rotate(tenant, endpoint, how))
    )


@endpoints.command("enable")
def enable_endpoint(
    context: typer.Context,
    endpoint: EndpointArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Send to an endpoint again; `deliveries replay` sends what it missed."""
    _set_state((context, config, state_dir), tenant, endpoint, EndpointState.ENABLED)


@endpoints.command("disable")
def disable_endpoint(
    context: typer.Context,
    endpoint: EndpointArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Send nothing more to an endpoint; what waits for it becomes dead letters."""
    _set_state((context, config, state_dir), tenant, endpoint, EndpointState.DISABLED)


def _set_state(stack: Stack, tenant: str, endpoint: str, state: EndpointState) -> None:
    from schemas.endpoint import EndpointChange

    change = EndpointChange(state=state)
    found = _asking(stack, lambda client: client.change(tenant, endpoint, change))
    typer.echo(f"{found.id} is {found.state}")


@endpoints.command("delete")
def delete_endpoint(
    context: typer.Context,
    endpoint: EndpointArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Forget an endpoint; what waits for it becomes dead letters."""
    _asking((context, config, state_dir), lambda client: client.delete(tenant, endpoint))
    typer.echo(f"{endpoint} is deleted")


@deliveries.command("list")
def list_deliveries(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    endpoint: Annotated[str | None, typer.Option(help="To this endpoint.")] = None,
    job: Annotated[str | None, typer.Option(help="Of this job.")] = None,
    state: Annotated[JobState | None, typer.Option(help="In this state.")] = None,
    newer_than: AgeOption = None,
    older_than: AgeOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The most of them.")] = 50,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """List deliveries, the newest first: state, last answer, id, receiver."""
    which = _which(endpoint, job, state, newer_than, older_than)
    page = _asking(
        (context, config, state_dir), lambda client: client.deliveries(tenant, which, limit=limit)
    )
    for one in page.items:
        answer = one.history[-1].answer if one.history else None
        status = (answer.status or "no answer") if answer else "not sent"
        typer.echo(f"{one.state:<9}  {status!s:<9}  {one.id}  {one.type}  {one.url}")


@deliveries.command("show")
def show_delivery(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="msg_...")],
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Show a delivery with every attempt and the first KB of each answer."""
    _print(_asking((context, config, state_dir), lambda client: client.delivery(tenant, delivery)))


@deliveries.command("replay")
def replay_deliveries(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[DELIVERY]...")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    endpoint: Annotated[str | None, typer.Option(help="To this endpoint.")] = None,
    job: Annotated[str | None, typer.Option(help="Of this job.")] = None,
    state: Annotated[JobState | None, typer.Option(help="In this state.")] = None,
    newer_than: AgeOption = None,
    older_than: AgeOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Send deliveries again: those that are named, or all that meet the filters."""
    from docfleet.errors import BadUsageError

    which = _which(endpoint, job, state, newer_than, older_than)
    if bool(ids) == bool(which.model_fields_set):
        raise BadUsageError("name deliveries, or name filters")

    async def replay(client: Endpoints) -> int:
        for delivery in ids or ():
            await client.replay(tenant, delivery)
        return len(ids) if ids else await client.replay_many(tenant, which)

    typer.echo(f"{_asking((context, config, state_dir), replay)} are sent again")


def _which(
    endpoint: str | None,
    job: str | None,
    state: JobState | None,
    newer_than: timedelta | None,
    older_than: timedelta | None,
) -> Any:
    from schemas.delivery import DeliveryFilter

    now = datetime.now(UTC)
    named = {
        "endpoint": endpoint,
        "job": job,
        "state": state,
        "after": now - newer_than if newer_than else None,
        "before": now - older_than if older_than else None,
    }
    return DeliveryFilter(**{name: value for name, value in named.items() if value is not None})


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(endpoints, name="endpoints")
    app.add_typer(deliveries, name="deliveries")
