"""The simulator: held against the chain of the planner, against itself, and in its bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from docfleet.errors import BadUsageError
from docfleet.planning.arrivals import HOUR, YEAR, Surge
from docfleet.planning.library import load_mix, load_profile
from docfleet.planning.simulation.answer import Method, Simulation
from docfleet.planning.simulation.run import simulate
from docfleet.planning.simulation.scenario import Autoscaler, PoolPlan, Scenario, Spot, Tenant
from docfleet.planning.speed import Speed
from docfleet.planning.steady import response_seconds

A100 = load_profile("a100-80gb")
REFERENCE = load_mix("reference")
ONE = Scenario((PoolPlan(A100, 1, 1),), REFERENCE, 25e6, days=0.25)
OFFICE = Scenario((PoolPlan(A100, 1, 12),), load_mix("office-hours"), 20e6, days=0.5)
BOTH: tuple[Method, ...] = ("documents", "aggregate")


def _run(scenario: Scenario, method: Method = "aggregate", **changes: Any) -> Simulation:
    return simulate(replace(scenario, **changes), method)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_documents_that_are_followed_respond_as_the_planners_chain_says(share: float) -> None:
    """One A100 at 83 % of its speed."""
    expected = response_seconds(Speed(A100, REFERENCE), 1, 25e6 / YEAR, share, REFERENCE.spread)
    response = _run(ONE, "documents").response
    found = response.p50 if share == 0.5 else response.p95
    assert found == pytest.approx(expected, rel=0.25)


def test_ticks_answer_what_following_each_document_does() -> None:
    """Half a working day with an autoscaler; each method has its own dice."""
    followed, ticks = (_run(OFFICE, method) for method in BOTH)
    assert ticks.documents == pytest.approx(followed.documents, rel=0.02)
    assert ticks.gpu_hours == pytest.approx(followed.gpu_hours, rel=0.05)
    assert ticks.dollars == pytest.approx(followed.dollars, rel=0.05)
    assert ticks.utilisation == pytest.approx(followed.utilisation, abs=0.03)
    assert ticks.response.p50 == pytest.approx(followed.response.p50, rel=0.25)
    assert 0.5 < ticks.response.p95 / followed.response.p95 < 2


@pytest.mark.parametrize("method", BOTH)
def test_no_document_is_lost_and_the_seed_decides(method: Method) -> None:
    """Spot losses and give-backs included; what arrives is finished or said to be unfinished."""
    night = replace(OFFICE, days=0.35, spot=Spot(share=0.9, losses_per_hour=4.0))
    first, again, other = (_run(night, method, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    for found in (first, other):
        assert found.spot_losses > 0
        assert found.restarted > 0
        assert found.finished + found.unfinished == pytest.approx(found.documents, abs=1)
        assert sum(one.documents for one in found.tenants.values()) == found.documents
        assert sum(hour.arrived for hour in found.hours) == found.documents


@pytest.mark.parametrize("method", BOTH)
def test_a_fleet_that_is_too_small_says_so(method: Method) -> None:
    """Twice the documents that one GPU can read: half are left, and their waits count."""
    found = _run(ONE, method, documents_per_year=60.2e6, days=0.1)
    assert found.unfinished == pytest.approx(found.documents / 2, rel=0.1)
    assert found.utilisation == pytest.approx(1.0, abs=0.03)
    assert found.wait.p95 > 0.3 * 0.1 * 24 * HOUR
    assert found.idle_share < 0.02
    assert found.hours[-1].line > 0


@pytest.mark.parametrize("method", BOTH)
def test_tenants_of_a_line_share_the_fleet_by_weight(method: Method) -> None:
    """Equal shares of the documents, three times the weight."""
    tenants = (Tenant("gold", 1, 3), Tenant("plain", 1, 1))
    found = _run(ONE, method, documents_per_year=60.2e6, days=0.1, tenants=tenants)
    gold, plain = found.tenants["gold"], found.tenants["plain"]
    assert gold.documents == pytest.approx(plain.documents, rel=0.1)
    assert gold.wait.p95 < plain.wait.p95 / 2


def test_a_surge_a_cold_start_and_spot_machines_do_what_they_are_known_for() -> None:
    """More GPUs, longer waits, lower cost."""
    # Eight in the morning of a Monday: the load doubles within the hour.
    usual = _run(OFFICE)
    surge = _run(OFFICE, surge=Surge(0.3, 4.0, 1.0), pools=(PoolPlan(A100, 1, 100),))
    assert surge.peak_gpus > usual.peak_gpus * 2
    assert surge.documents > usual.documents
    cold = _run(OFFICE, cold_start_seconds=1800.0)
    assert cold.response.p99 > usual.response.p99 * 2
    cheap = _run(OFFICE, spot=Spot(share=0.9, losses_per_hour=0.0, price=0.4))
    assert cheap.dollars < usual.dollars * 0.8
    assert cheap.spot_losses == 0


def test_a_target_below_full_speed_buys_shorter_responses() -> None:
    """The autoscaler's trade."""
    busy, easy = (_run(OFFICE, autoscaler=Autoscaler(target=target)) for target in (0.95, 0.5))
    assert easy.gpu_hours > busy.gpu_hours
    assert easy.response.p95 < busy.response.p95


def test_the_first_pool_is_filled_before_the_second() -> None:
    """T4s help out when the A100 has its hands full."""
    pools = (PoolPlan(A100, 1, 1), PoolPlan(load_profile("t4"), 0, 60))
    night = _run(OFFICE, pools=pools, days=0.2)
    day = _run(OFFICE, pools=pools)
    assert night.peak_gpus == 1
    assert day.peak_gpus > 10
    assert day.unfinished < day.documents * 0.01


def test_a_hundred_thousand_documents_an_hour_and_a_thousand_gpus_are_answered() -> None:
    """By ticks, of which a day has the same number at any load."""
    found = simulate(
        Scenario((PoolPlan(A100, 1000, 1000),), REFERENCE, 100_000 * YEAR / HOUR, days=1)
    )
    assert found.method == "aggregate"
    assert found.documents == pytest.approx(2.4e6, rel=0.01)
    assert found.gpu_hours == pytest.approx(24_000)
    assert found.dollars == pytest.approx(1000 * 30_000 / 365)
    assert found.wait.max == 0


@pytest.mark.parametrize("method", BOTH)
def test_a_fleet_may_rest_at_nothing_and_comes_back(method: Method) -> None:
    """A few documents an hour: each waits for a cold start, and none is left behind."""
    found = _run(ONE, method, pools=(PoolPlan(A100, 0, 2),), documents_per_year=20_000, days=3)
    assert found.documents > 100
    assert found.unfinished <= 2
    assert found.wait.p50 > 100
    assert found.mean_gpus < 0.5


def test_a_scenario_that_cannot_be_is_refused() -> None:
    """With the reason."""
    with pytest.raises(BadUsageError, match="more than a year"):
        _run(ONE, days=366)
    with pytest.raises(BadUsageError, match="same name"):
        _run(ONE, tenants=(Tenant("a"), Tenant("a")))
    with pytest.raises(BadUsageError, match="has no GPU"):
        _run(ONE, pools=(PoolPlan(A100, 0, 0),))
