"""A scenario: which documents come, to which fleet, and how that fleet follows them."""

from __future__ import annotations

from dataclasses import dataclass

from docfleet.planning.arrivals import Surge
from schemas.profile import Mix, Profile


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """GPUs of one profile.

    Attributes:
        profile: Of each of them.
        least: GPUs that always run.
        most: GPUs that the autoscaler may ask for; as many as `least` for a fixed fleet.
    """

    profile: Profile
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant.

    Attributes:
        name: Its name.
        share: Share of the documents, over the sum of all shares.
        weight: Share of the fleet when documents of several wait.
    """

    name: str
    share: float = 1.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Machines that are cheaper and may be taken away.

    Attributes:
        share: Share of each pool's GPUs.
        losses_per_hour: Losses of each of them in an hour.
        price: Their price, over the usual one.
    """

    share: float = 0.0
    losses_per_hour: float = 0.05
    price: float = 0.4


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """The rule of the autoscaler.

    Every `interval_seconds` it wants the GPUs that serve the arrivals of the last two minutes, and
    the line within `drain_seconds`, at `target` of their full speed. It gives GPUs back when they
    were not wanted for `cooldown_seconds`. A rule that wants slots for the documents in the fleet
    was tried: its line of a minute asks for several times the GPUs that it takes, which come when
    the line is gone, and go again.
    """

    target: float = 0.8
    drain_seconds: float = 300.0
    interval_seconds: float = 30.0
    cooldown_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Scenario of a simulation.

    Attributes:
        pools: The fleet; the autoscaler fills the first pool first.
        mix: Its documents.
        documents_per_year: Without the surge.
        days: Days that are simulated.
        first_day: Day of the year on which they begin, from 0 on, a Monday.
        tenants: At least one.
        surge: A catastrophe; its day counts from the first one.
        cold_start_seconds: From asking for a GPU to its first document; None for the profiles'.
        spot: Machines that may be taken away.
        autoscaler: Its rule.
        seed: Of all that is random.
    """

    pools: tuple[PoolPlan, ...]
    mix: Mix
    documents_per_year: float
    days: float = 1.0
    first_day: int = 0
    tenants: tuple[Tenant, ...] = (Tenant("default"),)
    surge: Surge | None = None
    cold_start_seconds: float | None = None
    spot: Spot = Spot()
    autoscaler: Autoscaler = Autoscaler()
    seed: int = 0
