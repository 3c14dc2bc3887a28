"""Intervals of shares and of other figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from pydantic import Field

from schemas.contract import Contract

T = TypeVar("T")

_Z = 1.959964
"""Of the normal distribution, for 95 %."""
_TAIL = 0.025
RESAMPLES = 1_000


class Figure(Contract):
    """A figure with its 95 % interval; no value where there is nothing to count."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = Field(default=0, description="Number of cases that it rests on.")


def wilson(hits: int, count: int) -> Figure:
    """Return a share with its interval by Wilson."""
    if count == 0:
        return Figure()
    share, spread = hits / count, _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / count / 4)
    return Figure(
        value=share,
        low=max(0.0, min(middle - half, share)),
        high=min(1.0, max(middle + half, share)),
        count=count,
    )


def bootstrap(
    units: Sequence[T],
    statistic: Callable[[Sequence[T]], float | None],
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[float, float] | None:
    """Return the 95 % interval of a statistic, by drawing units again and again.

    Args:
        units: What is independent, such as documents.
        statistic: None where it has no value; such resamples do not count.
        seed: Of the draws.
        resamples: How many.

    Returns:
        None where fewer than two units, or no resample, can tell.
    """
    if len(units) < 2:  # noqa: PLR2004  # one unit differs from nothing
        return None
    dice = Random(seed)  # noqa: S311  # it keeps no secret
    found = (statistic(dice.choices(units, k=len(units))) for _ in range(resamples))
    drawn = sorted(value for value in found if value is not None)
    if not drawn:
        return None
    last = len(drawn) - 1
    return drawn[round(last * _TAIL)], drawn[round(last * (1 - _TAIL))]
