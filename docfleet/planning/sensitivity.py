"""The plan under other assumptions, one at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from docfleet.planning.plan import Demand, Variation, figures_of

_SHARES = (0.5, 0.75, 1.25, 1.5)
_SPEEDS = (0.7, 0.85, 1.15, 1.3)
_P95 = (0.5, 2.0, 4.0)
_CACHED = (0.25, 0.5)


def sensitivity(demand: Demand) -> tuple[Variation, ...]:
    """Return the figures of a demand with one assumption changed at a time.

    Args:
        demand: What is asked for.
    """
    return tuple(
        Variation(name=name, change=change, figures=figures_of(other))
        for name, change, other in _others(demand)
    )


def _others(demand: Demand) -> Iterator[tuple[str, str, Demand]]:
    mix = demand.mix
    for share in _SHARES:
        documents = demand.documents_per_year * share
        yield "documents a year", _percent(share), replace(demand, documents_per_year=documents)
    for name in ("input_tokens", "output_tokens"):
        for share in _SHARES:
            tokens = max(1, round(getattr(mix, name) * share))
            other = replace(demand, mix=mix.model_copy(update={name: tokens}))
            yield name.replace("_", " "), _percent(share), other
    for share in _CACHED:
        if share > mix.cached_share:
            other = replace(demand, mix=mix.model_copy(update={"cached_share": share}))
            yield "input in the prefix cache", f"{share:.0%}", other
    for factor in _SPEEDS:
        yield "speed of the GPU", _percent(factor), replace(demand, speed_factor=factor)
    for factor in _P95 if demand.p95_seconds else ():
        seconds = (demand.p95_seconds or 0) * factor
        yield "response time", f"{seconds:g} s", replace(demand, p95_seconds=seconds)


def _percent(share: float) -> str:
    return f"{share - 1:+.0%}"
