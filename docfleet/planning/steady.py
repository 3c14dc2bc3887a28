"""Response times of a fleet under steady load, by a birth-and-death chain. Pure.

Documents arrive at random (Poisson). All workers take from one line and share the load evenly; the
documents in service advance together, at the speed of the profile's curve. A document's response
time is its wait in line plus its service at the load that it meets, times its own work. The
simulator, which follows each document, is the check of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from docfleet.planning.speed import Speed
from docfleet.planning.spread import work_factors

_NEGLIGIBLE = 1e-6
_STRIDES = 400
"""Steps of a chain, at most, from an empty fleet to a full one."""


def response_seconds(
    speed: Speed, gpus: int, rate: float, share: float = 0.95, spread: float = 0.0
) -> float:
    """Return the response time that a share of documents keeps.

    Args:
        speed: Of one GPU.
        gpus: GPUs that serve.
        rate: Documents that arrive a second.
        share: 0.95 for the 95th percentile.
        spread: Standard deviation of a document's work, over its mean.

    Returns:
        Seconds; infinite when the fleet cannot keep up.
    """
    if rate >= gpus * speed.full:
        return inf
    factors = work_factors(spread)
    if rate <= 0:
        return _quantile([(speed.alone() * factor, 1.0) for factor in factors], share)
    found = []
    for state, weight in _states(speed, gpus, rate):
        wait, service = _met(speed, gpus, state)
        found += [(wait + service * factor, weight) for factor in factors]
    return _quantile(found, share)


def _states(speed: Speed, gpus: int, rate: float) -> Iterator[tuple[float, float]]:
    """Return the documents in the fleet that an arrival meets, each with its weight.

    From the most likely state outwards, so that a fleet of any size needs only the states that
    occur; a large fleet's in strides.
    """
    slots = gpus * speed.slots
    stride = max(1, slots // _STRIDES)

    def served(state: float) -> float:
        return gpus * speed.at(min(state, slots) / gpus)

    mode = _most_likely(served, slots, rate)
    yield mode, 1.0
    weight, state = 1.0, mode
    while weight > _NEGLIGIBLE:
        weight *= (rate / served(state + (stride + 1) / 2)) ** stride
        state += stride
        yield state, weight
    weight, state = 1.0, mode
    while weight > _NEGLIGIBLE and state >= stride:
        weight *= (served(state - (stride - 1) / 2) / rate) ** stride
        state -= stride
        yield state, weight


def _most_likely(served: Callable[[float], float], slots: int, rate: float) -> int:
    low, high = 0, slots
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if served(middle) < rate else (low, middle)
    return max(0, low - 1)


def _met(speed: Speed, gpus: int, state: float) -> tuple[float, float]:
    """Return the wait in line and the mean service of a document that meets a state."""
    slots = gpus * speed.slots
    ahead = max(0.0, state + 1 - slots)
    inside = min(state + 1, slots)
    # A document that comes alone to a GPU has it for itself.
    each = max(1.0, inside / gpus)
    return ahead / (gpus * speed.full), each / speed.at(each)


def _quantile(found: list[tuple[float, float]], share: float) -> float:
    found.sort()
    wanted = share * sum(weight for _, weight in found)
    passed = 0.0
    for value, weight in found:
        passed += weight
        if passed >= wanted:
            return value
    return found[-1][0]
