"""Parts of a simulated fleet as options: pools, tenants and a surge."""

from __future__ import annotations

import re
from math import isfinite

from docfleet.errors import BadUsageError
from docfleet.planning.arrivals import Surge
from docfleet.planning.library import load_profile
from docfleet.planning.plan import MOST_GPUS
from docfleet.planning.simulation.scenario import PoolPlan, Tenant

_COUNT = re.compile(r"(\d{1,6})(?:\.\.(\d{1,6}))?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def parse_pool(text: str) -> PoolPlan:
    """Return a pool.

    Args:
        text: "A100=4" for a fixed fleet, "A100=1..20" for one that the autoscaler follows.

    Raises:
        BadUsageError: It is not of this form, or there is no such profile.
    """
    name, _, numbers = text.rpartition("=")
    match = _COUNT.fullmatch(numbers)
    if not name or match is None:
        raise BadUsageError(f"--pool {text}: write PROFILE=N or PROFILE=LEAST..MOST")
    least = int(match[1])
    most = int(match[2] or least)
    if not least <= most <= MOST_GPUS:
        raise BadUsageError(f"--pool {text}: choose a range that rises, up to {MOST_GPUS:,} GPUs")
    return PoolPlan(load_profile(name), least, most)


def parse_tenant(text: str) -> Tenant:
    """Return a tenant.

    Args:
        text: "claims=3" for a share, "claims=3:2" with a weight.

    Raises:
        BadUsageError: It is not of this form.
    """
    name, _, rest = text.partition("=")
    share, _, weight = rest.partition(":")
    if not _NAME.fullmatch(name):
        raise BadUsageError(f"--tenant {text}: write NAME=SHARE or NAME=SHARE:WEIGHT")
    return Tenant(name, _number("--tenant", text, share), _number("--tenant", text, weight or "1"))


def parse_surge(text: str) -> Surge:
    """Return a surge.

    Args:
        text: "2:6" for six times the arrivals from the second day on, "2:6:10" for ten days.

    Raises:
        BadUsageError: It is not of this form.
    """
    parts = text.split(":")
    if len(parts) not in {2, 3}:
        raise BadUsageError(f"--surge {text}: write DAY:FACTOR or DAY:FACTOR:DAYS")
    day, factor = parts[0], parts[1]
    days = parts[2] if len(parts) > 2 else "3"  # noqa: PLR2004
    start = 0.0 if day == "0" else _number("--surge", text, day)
    return Surge(start, _number("--surge", text, factor), _number("--surge", text, days))


def _number(option: str, text: str, part: str) -> float:
    try:
        number = float(part)
    except ValueError:
        number = 0.0
    if not number > 0 or not isfinite(number):
        raise BadUsageError(f"{option} {text}: {part!r} is no number above 0")
    return number
