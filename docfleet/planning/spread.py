"""The spread of documents' work: a log-normal distribution with mean 1. Pure."""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, sqrt
from statistics import NormalDist

_PARTS = 10


@lru_cache(maxsize=64)
def work_factors(spread: float) -> tuple[float, ...]:
    """Return the work of equally likely documents, over the mean.

    Args:
        spread: Standard deviation over mean.
    """
    if spread == 0:
        return (1.0,)
    sigma = log_sigma(spread)
    normal = NormalDist(-sigma * sigma / 2, sigma)
    factors = [exp(normal.inv_cdf((part + 0.5) / _PARTS)) for part in range(_PARTS)]
    mean = sum(factors) / _PARTS
    return tuple(factor / mean for factor in factors)


def log_sigma(spread: float) -> float:
    """Return the standard deviation of the logarithm."""
    return sqrt(log(1 + spread * spread))
