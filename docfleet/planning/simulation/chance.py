"""Dice. Pure."""

from __future__ import annotations

from math import exp, sqrt
from random import Random

_FEW = 30


def poisson(random: Random, mean: float) -> int:
    """Return a number of random events; many are drawn from a normal distribution.

    Args:
        random: The dice.
        mean: Of the number.
    """
    if mean > _FEW:
        return max(0, round(random.gauss(mean, sqrt(mean))))
    limit, product, number = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        number += 1
    return number
