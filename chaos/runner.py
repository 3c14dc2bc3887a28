"""Runner of scenarios, one after the other, with a bar for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chaos.drill import Drill, Scenario
from chaos.parts.fleet import SECRET, Fleet, FleetPlan, running_fleet
from chaos.parts.receiver import CountingReceiver
from chaos.row import Row

OUT = Path(__file__).parent / "out"
_LOOK_SECONDS = 0.5


class CurrentFleet:
    """The fleet of the last scenario, kept for the next one that wants the same.

    Args:
        out: Parent folder of the fleets.
    """

    def __init__(self, out: Path = OUT) -> None:
        self._out = out
        self._plan: FleetPlan | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def of(self, name: str, plan: FleetPlan) -> tuple[Fleet, CountingReceiver]:
        """Return a ready fleet of this plan, and the receiver of its events.

        Args:
            name: Name of its folder, if it has to be started.
            plan: The plan; a fleet with spares serves one scenario only.
        """
        if plan != self._plan or plan.spares:
            await self._stack.aclose()
            self._plan = plan
            self._receiver = await self._stack.enter_async_context(CountingReceiver(SECRET))
            self._fleet = await self._stack.enter_async_context(
                running_fleet(self._out / name, plan, self._receiver.url)
            )
        await self._fleet.until_ready()
        return self._fleet, self._receiver

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def run_all(scenarios: Sequence[Scenario], console: Console, *, is_short: bool) -> list[Row]:
    """Run the scenarios.

    Args:
        scenarios: The scenarios, in this order.
        console: Shows the bars.
        is_short: True for small numbers.
    """
    async with CurrentFleet() as current:
        return [
            await run_one(scenario, current, console, is_short=is_short) for scenario in scenarios
        ]


async def run_one(
    scenario: Scenario, current: CurrentFleet, console: Console, *, is_short: bool
) -> Row:
    """Run one scenario, on the present fleet if it fits."""
    fleet, receiver = await current.of(scenario.name, scenario.plan(is_short))
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
            await drill.close()
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
