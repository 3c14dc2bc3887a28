"""Running scenarios one after the other, with a bar for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chaos.drill import Drill, Scenario
from chaos.fleet import SECRET, Fleet, FleetPlan, running_fleet
from chaos.receiver import CountingReceiver
from chaos.row import Row

OUT = Path(__file__).parent / "out"
_LOOK_SECONDS = 0.5


async def run_all(scenarios: Sequence[Scenario], console: Console, *, is_short: bool) -> list[Row]:
    """Run them; those next to each other that want the same fleet share it.

    Args:
        scenarios: In this order.
        console: Shows the bars.
        is_short: Whether small numbers are wanted.
    """
    rows = []
    for plan, group in groupby(scenarios, key=lambda scenario: scenario.plan(is_short)):
        together = list(group)
        async with fleet_for(together[0].name, plan) as (fleet, receiver):
            for scenario in together:
                await fleet.until_ready()
                rows.append(await run_one(scenario, fleet, receiver, console, is_short=is_short))
    return rows


@asynccontextmanager
async def fleet_for(
    name: str, plan: FleetPlan, out: Path = OUT
) -> AsyncIterator[tuple[Fleet, CountingReceiver]]:
    """A fleet and a receiver of its events, for the length of a block."""
    async with (
        CountingReceiver(SECRET) as receiver,
        running_fleet(out / name, plan, receiver.url) as fleet,
    ):
        yield fleet, receiver


async def run_one(
    scenario: Scenario,
    fleet: Fleet,
    receiver: CountingReceiver,
    console: Console,
    *,
    is_short: bool,
) -> Row:
    """Run one scenario on a running fleet."""
    drill = Drill(scenario.name, fleet, receiver, is_short=is_short)
    started = monotonic()
    await drill.tally.open()
    with _bar(console) as progress:
        showing = asyncio.create_task(_show(progress, drill))
        try:
            await scenario.run(drill)
        except Exception as error:  # noqa: BLE001  # the other scenarios still have to run
            console.print_exception()
            drill.row.wrong.append(f"the drill itself failed: {type(error).__name__}: {error}")
        finally:
            showing.cancel()
            await drill.load.close()
    drill.row.seconds = monotonic() - started
    console.print(f"{scenario.name}: {drill.row.verdict} {drill.row.notes or ''}", highlight=False)
    return drill.row


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description:18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("faults {task.fields[faults]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


async def _show(progress: Progress, drill: Drill) -> None:
    bar = progress.add_task(drill.row.fault, total=1, faults=0)
    while True:
        progress.update(
            bar,
            completed=drill.told,
            total=max(1, drill.load.planned),
            faults=drill.row.injected,
        )
        await asyncio.sleep(_LOOK_SECONDS)
