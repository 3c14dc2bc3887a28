"""The planner: GPUs and dollars for a number of documents a year. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf
from typing import Literal

from pydantic import Field

from docfleet.errors import BadUsageError
from docfleet.planning.arrivals import HOUR, HOURS, YEAR, Arrivals
from docfleet.planning.speed import Speed
from docfleet.planning.steady import response_seconds
from schemas.contract import Contract
from schemas.profile import Mix, Profile

MOST_GPUS = 100_000
_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand on a fleet.

    Attributes:
        profile: Of its GPUs.
        mix: Its documents.
        documents_per_year: How many they are.
        p95_seconds: Response time that 95 of 100 documents keep in every hour; None where work may
            wait for the night.
        speed_factor: Of the profile's speed, for a what-if.
    """

    profile: Profile
    mix: Mix
    documents_per_year: float
    p95_seconds: float | None = None
    speed_factor: float = 1.0


class HourPlan(Contract):
    """One hour of the busiest kind of day."""

    hour: int
    documents: float
    gpus: int
    load: float = Field(description="GPUs that the work of the hour keeps busy.")
    p95_seconds: float | None = Field(description="None where the hour's work is not done in it.")


class Autoscaled(Contract):
    """The same with GPUs that are paid by the hour, as many as each hour needs."""

    gpu_hours_per_year: float
    dollars_per_year: float
    dollars_per_document: float


class Figures(Contract):
    """The answer in figures."""

    gpus: int = Field(description="GPUs that serve the busiest hour.")
    exact_gpus: float = Field(description="GPUs that the work of a year keeps busy.")
    dollars_per_year: float
    dollars_per_document: float


class Variation(Contract):
    """The answer for another assumption."""

    name: str
    change: str
    figures: Figures | None = Field(description="None where no fleet keeps the response time.")


class Alternative(Contract):
    """The answer on another GPU kind."""

    profile: str
    gpu: str
    measured: bool
    figures: Figures | None


class Plan(Figures):
    """The answer of the planner."""

    schema_version: Literal["1"] = "1"
    profile: str
    gpu: str
    measured: bool
    source: str
    mix: Mix
    documents_per_year: float
    p95_seconds: float | None
    most_documents_per_year: float = Field(
        description="Documents that these GPUs could read in a year without a pause."
    )
    utilisation: float = Field(description="Share of that which is used.")
    hours: tuple[HourPlan, ...]
    autoscaled: Autoscaled
    sensitivity: tuple[Variation, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


def make_plan(demand: Demand) -> Plan:
    """Answer a demand, without its sensitivity.

    Args:
        demand: What is asked for.

    Raises:
        BadUsageError: No fleet keeps the response time; the message says what one can.
    """
    profile, price = demand.profile, demand.profile.price
    fleet = _Fleet(demand)
    figures = fleet.figures()
    most = figures.gpus * fleet.speed.full * YEAR
    by_hour = [[fleet.gpus(rate) for rate in kind.rates] for kind in fleet.kinds]
    paid = sum(kind.days * sum(gpus) for kind, gpus in zip(fleet.kinds, by_hour, strict=True))
    scaled = paid * price.dollars_per_hour
    if demand.p95_seconds is None:
        by_hour[0] = [figures.gpus] * HOURS
    return Plan(
        **figures.model_dump(),
        profile=profile.name,
        gpu=profile.gpu,
        measured=profile.measured,
        source=profile.source,
        mix=demand.mix,
        documents_per_year=demand.documents_per_year,
        p95_seconds=demand.p95_seconds,
        most_documents_per_year=most,
        utilisation=demand.documents_per_year / most,
        hours=tuple(map(fleet.hour, range(HOURS), fleet.kinds[0].rates, by_hour[0])),
        autoscaled=Autoscaled(
            gpu_hours_per_year=paid,
            dollars_per_year=scaled,
            dollars_per_document=scaled / demand.documents_per_year,
        ),
    )


def figures_of(demand: Demand) -> Figures | None:
    """Return the figures of a demand, or None where no fleet can meet it."""
    try:
        return _Fleet(demand).figures()
    except BadUsageError:
        return None


def alternatives(demand: Demand, profiles: Iterable[Profile]) -> tuple[Alternative, ...]:
    """Return the answer on other GPU kinds.

    Args:
        demand: What is asked for.
        profiles: Of those kinds.
    """
    return tuple(
        Alternative(
            profile=profile.name,
            gpu=profile.gpu,
            measured=profile.measured,
            figures=figures_of(
                Demand(profile, demand.mix, demand.documents_per_year, demand.p95_seconds)
            ),
        )
        for profile in profiles
    )


class _Fleet:
    """GPUs that rates of arrivals need."""

    def __init__(self, demand: Demand) -> None:
        self._demand = demand
        self.speed = Speed(demand.profile, demand.mix, demand.speed_factor)
        self.kinds = list(Arrivals(demand.mix, demand.documents_per_year).day_kinds())
        self.gpus = lru_cache(maxsize=None)(self._gpus)
        self._check_reachable()

    def _check_reachable(self) -> None:
        target = self._demand.p95_seconds
        if target is None:
            return
        alone = response_seconds(self.speed, 1, 0.0, _SHARE, self._demand.mix.spread)
        if alone > target:
            raise BadUsageError(
                f"no number of GPUs keeps a p95 of {target:g} s: of documents that have one "
                f"{self._demand.profile.gpu} for themselves, 95 of 100 take up to {alone:.1f} s; "
                "allow more, or plan with a faster GPU or smaller documents"
            )

    def figures(self) -> Figures:
        """Return the answer in figures."""
        demand = self._demand
        exact = demand.documents_per_year / (self.speed.full * YEAR)
        peak = _whole(exact) if demand.p95_seconds is None else self.gpus(max(self.kinds[0].rates))
        dollars = peak * demand.profile.price.dollars_per_year
        return Figures(
            gpus=peak,
            exact_gpus=exact,
            dollars_per_year=dollars,
            dollars_per_document=dollars / demand.documents_per_year,
        )

    def hour(self, hour: int, rate: float, gpus: int) -> HourPlan:
        """Return the plan of an hour."""
        p95 = self._p95(gpus, rate)
        return HourPlan(
            hour=hour,
            documents=rate * HOUR,
            gpus=gpus,
            load=rate / self.speed.full,
            p95_seconds=None if p95 == inf else p95,
        )

    def _p95(self, gpus: int, rate: float) -> float:
        return response_seconds(self.speed, gpus, rate, _SHARE, self._demand.mix.spread)

    def _gpus(self, rate: float) -> int:
        low = _whole(rate / self.speed.full)
        target = self._demand.p95_seconds
        if target is None or self._p95(low, rate) <= target:
            return low
        step = 1
        while self._p95(low + step, rate) > target:
            low, step = low + step, step * 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._p95(middle, rate) <= target else (middle, high)
        return high


def _whole(gpus: float) -> int:
    """Return whole GPUs."""
    if gpus > MOST_GPUS:
        raise BadUsageError(
            f"this takes {gpus:,.0f} GPUs, and the planner stops at {MOST_GPUS:,}: check "
            "--documents-per-year"
        )
    return max(1, ceil(gpus - 1e-9))
