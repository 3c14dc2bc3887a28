"""Commands about the secret that signs a tenant's callbacks: `callback-secret`."""

from __future__ import annotations

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import OverlapOption, TenantOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say_json
from schemas.job import DEFAULT_TENANT
from schemas.webhooks.endpoint import SecretRotation

callback_secret = typer.Typer(
    name="callback-secret",
    help="What signs the callbacks that a tenant's jobs name.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@callback_secret.command()
@grouped
@explained()
def show(stack: TargetStack, *, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Show when each secret in use was made, and until when it signs."""
    say_json(stack.call(lambda client: client.callback_secrets.show(tenant)))


@callback_secret.command()
@grouped
@explained()
def rotate(
    stack: TargetStack,
    *,
    overlap: OverlapOption = "24h",  # type: ignore[assignment]  # typer parses defaults too
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Make a tenant's first secret, or a new one; print it, this once."""
    how = SecretRotation(overlap_seconds=int(overlap.total_seconds()))
    say_json(stack.call(lambda client: client.callback_secrets.rotate(tenant, how)))


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(callback_secret)
