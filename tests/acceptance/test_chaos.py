"""A fleet broken on purpose, in small numbers: `python -m chaos` breaks it with large ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest
import pytest_asyncio
from rich.console import Console

from chaos.catalogue import SCENARIOS
from chaos.drill import Scenario
from chaos.runner import CurrentFleet, run_one
from workers.engine_kind import EngineKind

SCRIPTED = [
    one for one in SCENARIOS if one.plan(True).engine is EngineKind.SCRIPTED and not one.is_long
]
"""test_drops.py kills the real engine."""

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CurrentFleet]:
    """A fleet that scenarios share where they want the same."""
    with patch.dict("os.environ"):  # a fleet tells this process, too, where its servers are
        async with CurrentFleet(tmp_path_factory.mktemp("chaos")) as current:
            yield current


@pytest.mark.parametrize("scenario", SCRIPTED, ids=[scenario.name for scenario in SCRIPTED])
async def test_a_fleet_that_is_broken_loses_and_doubles_nothing(
    scenario: Scenario, fleet: CurrentFleet
) -> None:
    """Each accepted job has one result and its event, and the scenario's own claims hold."""
    row = await run_one(scenario, fleet, Console(), is_short=True)
    assert row.ok, row
    assert row.accepted > 0
