"""Commands that list deliveries and send them again: `deliveries`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.actions.terminal import this_terminal
from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import TenantOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.age import AGE_METAVAR, parse_age
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError
from producer.errors import UnconfirmedError
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState
from schemas.webhooks.delivery import DeliveryFilter, Replay

if TYPE_CHECKING:
    from producer.client import Client

AgeOption = Annotated[
    timedelta | None,
    typer.Option(parser=parse_age, help="Opened so long ago.", metavar=AGE_METAVAR),
]

deliveries = typer.Typer(
    name="deliveries",
    help="What was and is sent to receivers: look through it, send it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """Options that select deliveries."""

    endpoint: Annotated[str | None, typer.Option(help="To this endpoint.")] = None
    job: Annotated[str | None, typer.Option(help="Of this job.")] = None
    state: Annotated[JobState | None, typer.Option(help="In this state.")] = None
    newer_than: AgeOption = None
    older_than: AgeOption = None

    def filter(self) -> DeliveryFilter:
        """Return the filter, as of now."""
        now = datetime.now(UTC)
        return DeliveryFilter(
            endpoint=self.endpoint,
            job=self.job,
            state=self.state,
            after=now - self.newer_than if self.newer_than else None,
            before=now - self.older_than if self.older_than else None,
        )


@deliveries.command("list")
@grouped
@explained()
def list_deliveries(
    stack: TargetStack,
    which: DeliveryOptions,
    *,
    limit: Annotated[int, typer.Option(min=1, help="The most of them.")] = 50,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """List deliveries, the newest first: state, last answer, id, receiver."""
    wanted = which.filter()
    page = stack.call(lambda client: client.endpoints.deliveries(tenant, wanted, limit=limit))
    for one in page.items:
        answer = one.history[-1].answer if one.history else None
        status = (answer.status or "no answer") if answer else "not sent"
        say(f"{one.state:<9}  {status!s:<9}  {one.id}  {one.type}  {one.url}")


@deliveries.command()
@grouped
@explained()
def show(
    stack: TargetStack,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="msg_...")],
    *,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Show a delivery with every attempt and the first KB of each answer."""
    found = stack.call(lambda client: client.endpoints.delivery(tenant, delivery))
    say(json.dumps(found.public(), indent=2))


@deliveries.command()
@grouped
@explained()
def replay(
    stack: TargetStack,
    which: DeliveryOptions,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[DELIVERY]...")] = None,
    *,
    acknowledged: Annotated[
        bool, typer.Option("--acknowledged", help="What was acknowledged too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tenant: TenantOption = DEFAULT_TENANT,
) -> None:
    """Send deliveries again: the named ones, or the unacknowledged ones of the filter.

    Exit codes: 0 sent again, or not wanted after all. 1 one that is named is not there or is about
    to be sent, or an endpoint is disabled. 2 bad usage or configuration. 3 no stack is running, or
    its Redis does not answer.
    """
    wanted = which.filter()
    if bool(ids) == (wanted != DeliveryFilter()):
        raise BadUsageError("name deliveries, or name filters")
    if ids:
        say(f"{stack.call(partial(_replay_named, ids=ids, tenant=tenant))} are sent again")
        return
    replay = Replay(**wanted.model_dump(), acknowledged=acknowledged, confirmed=yes)
    try:
        replayed = stack.call(lambda client: client.endpoints.replay_many(tenant, replay))
    except UnconfirmedError as error:
        if not this_terminal().ask(f"{error}. Send them?"):
            return
        confirmed = replay.model_copy(update={"confirmed": True})
        replayed = stack.call(lambda client: client.endpoints.replay_many(tenant, confirmed))
    say(f"{replayed.replayed} are sent again")
    if replayed.acknowledged:
        say(f"{replayed.acknowledged} were acknowledged and are not: see --acknowledged")


async def _replay_named(client: Client, ids: Sequence[str], tenant: str) -> int:
    for delivery in ids:
        await client.endpoints.replay(tenant, delivery)
    return len(ids)


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(deliveries)
