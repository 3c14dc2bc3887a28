"""A fleet broken on purpose, in small numbers: `python -m chaos` breaks it with large ones."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from rich.console import Console

from chaos.catalogue import SCENARIOS
from chaos.drill import Scenario
from chaos.runner import CurrentFleet, run_one
from workers.engine_kind import EngineKind

pytestmark = pytest.mark.timeout(900)


def _by_plan() -> list[list[Scenario]]:
    """Group the scenarios that share a fleet; test_drops.py kills the real engine."""
    groups: list[list[Scenario]] = []
    for one in SCENARIOS:
        plan = one.plan(True)
        if plan.engine is not EngineKind.SCRIPTED or one.is_long:
            continue
        same = (group for group in groups if group[0].plan(True) == plan and not plan.spares)
        if (group := next(same, None)) is None:
            groups.append(group := [])
        group.append(one)
    return groups


@pytest.mark.parametrize(
    "scenarios", _by_plan(), ids=lambda group: "+".join(one.name for one in group)
)
async def test_a_fleet_that_is_broken_loses_and_doubles_nothing(
    scenarios: list[Scenario], tmp_path: Path
) -> None:
    """Each accepted job has one result and its event, and the scenario's own claims hold."""
    with patch.dict("os.environ"):  # a fleet tells this process, too, where its servers are
        async with CurrentFleet(tmp_path) as current:
            for scenario in scenarios:
                row = await run_one(scenario, current, Console(), is_short=True)
                assert row.ok, row
                assert row.accepted > 0
