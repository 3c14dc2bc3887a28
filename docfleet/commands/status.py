"""Command that tells how the fleet is: `status`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import explained
from docfleet.commands.texts.output import say
from docfleet.commands.texts.status import status_lines

if TYPE_CHECKING:
    from ledger.ledger import Ledger
    from schemas.fleet_status import FleetStatus

_REDIS_SECONDS = 5.0
_EVERY_SECONDS = 2.0


@grouped
@explained()
def status(
    stack: TargetStack,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what is in line, what runs, who works, and what stands still.

    The ledger alone is asked: DOCFLEET_REDIS_URL is enough, and fleet.toml adds its pools.

    Exit codes: 0 healthy. 1 something stands still. 2 bad usage or configuration. 3 no stack is
    running, or its Redis does not answer.
    """
    url, pools = stack.ledger()
    try:
        healthy = asyncio.run(_tell(url, pools, watch=watch, as_json=as_json))
    except KeyboardInterrupt:
        raise typer.Exit from None
    if not healthy:
        raise typer.Exit(1)


async def _tell(url: str, pools: Collection[str], *, watch: bool, as_json: bool) -> bool:
    from ledger.ledger import Ledger

    ledger = Ledger(url, timeout=_REDIS_SECONDS, retries=0)
    try:
        while True:
            found = await _look(ledger, pools)
            _show(found, clear=watch and not as_json, as_json=as_json)
            if not watch:
                return found.healthy
            await asyncio.sleep(_EVERY_SECONDS)
    finally:
        await ledger.close()


async def _look(ledger: Ledger, pools: Collection[str]) -> FleetStatus:
    from producer.fleet_status import fleet_status

    return fleet_status(await ledger.depth(), pools)


def _show(found: FleetStatus, *, clear: bool, as_json: bool) -> None:
    if as_json:
        say(found.model_dump_json())
        return
    if clear:
        Console().clear()  # nothing, unless it is a terminal
    for line in status_lines(found):
        say(line)


def add_commands(app: typer.Typer) -> None:
    """Add it to the command."""
    app.command()(status)
