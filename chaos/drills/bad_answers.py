"""Bad answers of a proxy before the object store: cut off, replaced by HTML pages, or made up.

They end no document: each job waits until the store works again, and is charged nothing.
"""

from __future__ import annotations

from chaos.drill import SHORT_RATE, Drill, Scenario
from chaos.drills.recovery import until_told
from chaos.parts.fleet import QUICK_LEASE, FleetPlan
from chaos.parts.store_proxy import Fault, at_random
from schemas.failure import FailureCode

_RATE = 20
_DROPS = 2


def behind_a_proxy(is_short: bool) -> FleetPlan:
    """Return a fleet whose parts reach the object store through a proxy."""
    return FleetPlan(variables=QUICK_LEASE if is_short else {}, has_store_proxy=True)


async def _under_load(drill: Drill, *phases: tuple[Fault, float, float]) -> None:
    """Send jobs through phases of bad answers, and count.

    Args:
        drill: The drill.
        phases: For each phase, the fault, its share of the calls, and the seconds.
    """
    proxy = drill.fleet.store_proxy
    proxy.made.clear()
    await drill.load.upload(slow=(0, 0.2))
    async with drill.load.flow(drill.size(_RATE, SHORT_RATE), _DROPS):
        for fault, share, seconds in phases:
            await drill.after(drill.size(4, 1))
            proxy.chooses = at_random({fault: share})
            await drill.after(seconds)
            proxy.chooses = at_random({})
            await until_told(drill)
    await drill.finish()
    drill.row.injected = proxy.made.total()
    entries = [entry for one in drill.records.values() for entry in one.history]
    codes = {entry["failure"]["code"] for entry in entries} - {FailureCode.STORAGE_UNAVAILABLE}
    drill.expect(f"attempts failed of {', '.join(sorted(codes))}", holds=not codes)
    drill.row.notes["attempts that failed"] = len(entries)
    drill.row.notes["of them charged"] = sum(entry.get("charged", True) for entry in entries)


async def _run_cut(drill: Drill) -> None:
    seconds = drill.size(30, 4)
    await _under_load(drill, (Fault.CUT, 0.3, seconds), (Fault.CUT, 1, seconds))


async def _run_pages(drill: Drill) -> None:
    await _under_load(drill, (Fault.PAGE, 0.2, drill.size(40, 4)))


async def _run_swallowed(drill: Drill) -> None:
    await _under_load(drill, (Fault.SWALLOWED, 0.3, drill.size(40, 4)))


SCENARIOS = (
    Scenario(
        "s3-cut", "answers that break off, some and then all, cost no job", behind_a_proxy, _run_cut
    ),
    Scenario(
        "s3-pages",
        "web pages in place of the store's answers cost no job",
        behind_a_proxy,
        _run_pages,
    ),
    Scenario(
        "s3-swallowed",
        "a put that is answered and not made leaves no job without its result",
        behind_a_proxy,
        _run_swallowed,
    ),
)
