"""The planner, held against the reference figures and against itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from docfleet.errors import BadUsageError
from docfleet.planning.arrivals import YEAR, Arrivals
from docfleet.planning.library import load_mix, load_profile
from docfleet.planning.plan import Demand, figures_of, make_plan
from docfleet.planning.sensitivity import sensitivity
from docfleet.planning.speed import Speed
from schemas.profile import Mix

REFERENCE = Demand(load_profile("a100-80gb"), load_mix("reference"), 25e6)
OFFICE = replace(REFERENCE, mix=load_mix("office-hours"), p95_seconds=60.0)


@pytest.mark.parametrize("documents", [20e6, 25e6, 30e6])
def test_the_reference_deployment_is_reproduced(documents: float) -> None:
    """Roots Automation: 20 to 30 million documents a year on one A100, for $30,000."""
    plan = make_plan(replace(REFERENCE, documents_per_year=documents))
    assert plan.gpus == 1
    assert plan.dollars_per_year == 30_000
    assert plan.dollars_per_document == pytest.approx(30_000 / documents)
    assert plan.utilisation <= 1


def test_one_gpu_does_no_more_than_its_tokens_allow() -> None:
    """130 tokens a second are 30.1 million documents of 136 tokens a year, and a second GPU."""
    most = 130 * YEAR / 136
    assert make_plan(REFERENCE).most_documents_per_year == pytest.approx(most)
    assert make_plan(replace(REFERENCE, documents_per_year=most * 1.001)).gpus == 2


def test_the_work_of_a_year_does_not_depend_on_when_it_comes() -> None:
    """Only the peak does, and so do the GPUs of a response time."""
    even, office = make_plan(replace(REFERENCE, p95_seconds=60.0)), make_plan(OFFICE)
    assert office.exact_gpus == pytest.approx(even.exact_gpus)
    assert office.gpus > even.gpus
    assert max(one.gpus for one in office.hours) == office.gpus
    assert office.autoscaled.dollars_per_year < office.dollars_per_year
    assert all(one.p95_seconds and one.p95_seconds <= 60 for one in office.hours)


@pytest.mark.parametrize("mix", ["reference", "office-hours"])
def test_the_arrivals_of_a_year_add_up_to_its_documents(mix: str) -> None:
    """Weekends, nights and month ends included, hour by hour and by kinds of days."""
    arrivals = Arrivals(load_mix(mix), 1e6)
    assert sum(arrivals.at(hour * 3600) * 3600 for hour in range(8760)) == pytest.approx(1e6)
    kinds = list(arrivals.day_kinds())
    assert sum(kind.days for kind in kinds) == 365
    assert sum(kind.days * sum(kind.rates) * 3600 for kind in kinds) == pytest.approx(1e6)


def test_the_speed_follows_the_documents_by_the_prefill_share() -> None:
    """Half of the input leaves a fifth and two fifths of the time: 0.2 + 0.8 / 2."""
    profile = REFERENCE.profile
    same = Speed(profile, profile.work)
    half = Speed(profile, profile.work.model_copy(update={"input_tokens": 4096}))
    cached = Speed(profile, profile.work.model_copy(update={"cached_share": 0.5}))
    assert same.full == pytest.approx(130 / 136)
    assert half.full == cached.full == pytest.approx(130 / 136 / 0.6)
    assert same.at(0.5) == pytest.approx(55 / 136 / 2)
    assert same.at(64) == same.full


def test_more_of_everything_that_costs_costs_more() -> None:
    """A sensitivity without a wrong sign."""
    base = make_plan(OFFICE).gpus
    found = {(one.name, one.change): one.figures for one in sensitivity(OFFICE)}
    for name in ("documents a year", "input tokens", "output tokens"):
        less, more = found[name, "-50%"], found[name, "+50%"]
        assert less is not None
        assert more is not None
        assert less.gpus <= base <= more.gpus
        assert less.exact_gpus < more.exact_gpus
    faster, longer = found["speed of the GPU", "+30%"], found["response time", "240 s"]
    assert faster is not None
    assert longer is not None
    assert faster.gpus <= base
    assert longer.gpus <= base


def test_a_response_time_that_no_fleet_keeps_is_refused_with_what_one_can() -> None:
    """One document alone takes 2.5 s on an A100, and the larger ones more."""
    with pytest.raises(BadUsageError, match=r"p95 of 2 s: .*95 of 100 take up to 4\.\d s"):
        make_plan(replace(OFFICE, p95_seconds=2.0))
    assert figures_of(replace(OFFICE, p95_seconds=2.0)) is None


def test_a_number_of_documents_that_must_be_a_slip_is_refused() -> None:
    """A trillion."""
    with pytest.raises(BadUsageError, match=r"takes .* GPUs, and the planner stops at 100,000"):
        make_plan(replace(REFERENCE, documents_per_year=1e13))


def test_a_mix_has_a_weight_for_each_hour() -> None:
    """Not 23, and not only zeros."""
    for hours in ([1] * 23, [0] * 24, [-1] * 24):
        with pytest.raises(ValueError, match="hours"):
            Mix(name="m", input_tokens=1, output_tokens=1, hours=hours)
