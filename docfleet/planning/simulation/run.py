"""A simulation from its scenario to its answer."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from random import Random

import simpy

from docfleet.errors import BadUsageError
from docfleet.planning.arrivals import DAY, DAYS, HOUR
from docfleet.planning.simulation.aggregate import Aggregate, tick_seconds
from docfleet.planning.simulation.answer import Method, Simulation
from docfleet.planning.simulation.documents import Documents
from docfleet.planning.simulation.fleet import Fleet, Usage
from docfleet.planning.simulation.scenario import Scenario
from docfleet.planning.simulation.tally import Tally

MOST_FOLLOWED = 120_000
"""Documents up to which each is followed."""
_METHODS: dict[Method, type[Documents | Aggregate]] = {
    "documents": Documents,
    "aggregate": Aggregate,
}


def simulate(scenario: Scenario, method: Method | None = None) -> Simulation:
    """Simulate a scenario.

    Args:
        scenario: What is simulated.
        method: How; None to follow each document where they are not too many.

    Raises:
        BadUsageError: The scenario cannot be simulated.
    """
    _check(scenario)
    if method is None:
        expected = scenario.documents_per_year * scenario.days / DAYS
        method = "documents" if expected <= MOST_FOLLOWED else "aggregate"
    if method == "aggregate":
        scenario = _slowed(scenario)
    env = simpy.Environment()
    tally = Tally([tenant.name for tenant in scenario.tenants], ceil(scenario.days * 24))
    fleet = Fleet(env, scenario, Random(scenario.seed + 1))  # noqa: S311  # no secret
    flow = _METHODS[method](env, scenario, fleet, tally)
    env.run(until=scenario.days * DAY)
    unfinished = flow.close()
    return _answer(scenario, method, tally, fleet, unfinished)


def method_named(name: str | None) -> Method | None:
    """Return a method by its name.

    Raises:
        BadUsageError: There is none of this name.
    """
    for method in _METHODS:
        if name == method:
            return method
    if name is not None:
        raise BadUsageError(f"--method is {name!r}: choose {' or '.join(_METHODS)}")
    return None


def _slowed(scenario: Scenario) -> Scenario:
    """Return a scenario whose autoscaler looks once in a tick at most."""
    rule = scenario.autoscaler
    interval = max(rule.interval_seconds, tick_seconds(scenario.days))
    return replace(scenario, autoscaler=replace(rule, interval_seconds=interval))


def _check(scenario: Scenario) -> None:
    if scenario.days > DAYS:
        raise BadUsageError(f"{scenario.days:g} days are more than a year: simulate at most {DAYS}")
    names = [tenant.name for tenant in scenario.tenants]
    if len(set(names)) < len(names):
        raise BadUsageError("two tenants have the same name: give each its own")
    if not any(pool.most for pool in scenario.pools):
        raise BadUsageError("the fleet has no GPU: give a pool at least one")


def _answer(
    scenario: Scenario, method: Method, tally: Tally, fleet: Fleet, unfinished: int
) -> Simulation:
    total = _total(fleet.by_hour)
    paid = total.ready + total.booting
    return Simulation(
        method=method,
        seed=scenario.seed,
        days=scenario.days,
        documents=tally.documents,
        finished=tally.finished,
        unfinished=unfinished,
        restarted=round(tally.restarted),
        wait=tally.waits(),
        response=tally.responses(),
        gpu_hours=paid / HOUR,
        mean_gpus=total.ready / (scenario.days * DAY),
        peak_gpus=fleet.peak,
        dollars=total.dollars,
        dollars_per_document=total.dollars / tally.finished if tally.finished else None,
        utilisation=tally.finished / total.capacity if total.capacity else 0.0,
        idle_share=total.idle / total.ready if total.ready else 0.0,
        booting_share=total.booting / paid if paid else 0.0,
        spot_losses=fleet.spot_losses,
        tenants=tally.tenants(),
        hours=tuple(
            tally.hour(hour, line / HOUR, usage.ready / HOUR, usage.booting / HOUR)
            for hour, (usage, line) in enumerate(zip(fleet.by_hour, fleet.lines, strict=True))
        ),
    )


def _total(usages: list[Usage]) -> Usage:
    return Usage(
        ready=sum(one.ready for one in usages),
        booting=sum(one.booting for one in usages),
        idle=sum(one.idle for one in usages),
        capacity=sum(one.capacity for one in usages),
        dollars=sum(one.dollars for one in usages),
    )
