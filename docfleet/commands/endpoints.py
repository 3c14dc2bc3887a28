"""Commands about receivers of a tenant: `endpoints`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import OverlapOption, TenantOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say, say_json
from schemas.job import DEFAULT_TENANT
from schemas.webhooks.endpoint import EndpointChange, EndpointRequest, EndpointState, SecretRotation
from schemas.webhooks.event import EventType, PayloadKind

if TYPE_CHECKING:
    from producer.client import Client

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="ep_...")]

endpoints = typer.Typer(
    name="endpoints",
    help="Receivers that are told of every job: register, test, rotate secrets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@endpoints.command()
@grouped
@explained()
def add(
    stack: TargetStack,
    url: Annotated[str, typer.Argument(metavar="URL")],
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
    """Register a receiver; print it with its secret, which is not shown again."""
    request = EndpointRequest.model_validate(
        {
            "url": url,
            "events": tuple(event or ()),
            "payload": payload,
            "v1a": v1a,
            "client_certificate": certificate,
        }
    )
    say_json(stack.call(lambda client: client.endpoints.create(tenant, request)))


@endpoints.command("list")
@grouped
@explained()
def list_endpoints(stack: TargetStack, *, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """List a tenant's endpoints, one on each line."""
    for one in stack.call(lambda client: client.endpoints.of_tenant(tenant)):
        why = f" ({one.reason})" if one.reason else ""
        say(f"{one.id}  {one.state}{why}  {one.url}")


@endpoints.command()
@grouped
@explained()
def show(
    stack: TargetStack, endpoint: EndpointArgument, *, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Show an endpoint."""
    say_json(stack.call(lambda client: client.endpoints.get(tenant, endpoint)))


@endpoints.command("test")
@grouped
@explained()
def send_test(
    stack: TargetStack, endpoint: EndpointArgument, *, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Send a test event; print the delivery's id."""
    say(stack.call(lambda client: client.endpoints.test(tenant, endpoint)).id)


@endpoints.command()
@grouped
@explained()
def rotate_secret(
    stack: TargetStack,
    endpoint: EndpointArgument,
    *,
    overlap: OverlapOption = "24h",  # type: ignore[assignment]  # typer parses defaults too
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Make a new signing secret; print it."""
    how = SecretRotation(overlap_seconds=int(overlap.total_seconds()))
    say_json(stack.call(lambda client: client.endpoints.rotate(tenant, endpoint, how)))


@endpoints.command()
@grouped
@explained()
def reseal(stack: TargetStack) -> None:
    """Seal all secrets, of endpoints and of callbacks, with the first of DOCFLEET_ENCRYPTION_KEYS.

    The other keys can be removed after that. No signature changes.
    """

    async def seal(client: Client) -> tuple[int, int]:
        return await client.endpoints.reseal(), await client.callback_secrets.reseal()

    endpoints, tenants = stack.call(seal)
    say(
        f"{endpoints} endpoint{'' if endpoints == 1 else 's'}, and the callback secrets of"
        f" {tenants} tenant{'' if tenants == 1 else 's'}, sealed with the first key"
    )


@endpoints.command()
@grouped
@explained()
def enable(
    stack: TargetStack, endpoint: EndpointArgument, *, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Send to an endpoint again; `deliveries replay` sends what it missed."""
    _set_state(stack, tenant, endpoint, EndpointState.ENABLED)


@endpoints.command()
@grouped
@explained()
def disable(
    stack: TargetStack, endpoint: EndpointArgument, *, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Disable an endpoint; its waiting deliveries become dead letters."""
    _set_state(stack, tenant, endpoint, EndpointState.DISABLED)


@endpoints.command()
@grouped
@explained()
def delete(
    stack: TargetStack, endpoint: EndpointArgument, *, tenant: TenantOption = DEFAULT_TENANT
) -> None:
    """Forget an endpoint; its waiting deliveries become dead letters."""
    stack.call(lambda client: client.endpoints.delete(tenant, endpoint))
    say(f"{endpoint} is deleted")


def _set_state(stack: TargetStack, tenant: str, endpoint: str, state: EndpointState) -> None:
    change = EndpointChange(state=state)
    found = stack.call(lambda client: client.endpoints.change(tenant, endpoint, change))
    say(f"{found.id} is {found.state}")


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(endpoints)
