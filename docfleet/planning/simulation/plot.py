"""The picture of a simulation: arrivals, GPUs, line and response times over its hours or days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docfleet.planning.output import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    count,
    days,
    dollars,
    gpus,
    new_picture,
    save_picture,
)
from docfleet.planning.simulation.answer import HourAnswer, Simulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HOURS_SHOWN = 24 * 10
"""Hours up to which each is shown; of longer simulations, each day."""


def plot_simulation(found: Simulation, path: Path) -> None:
    """Draw a simulation.

    Args:
        found: The answer.
        path: Of the PNG.

    Raises:
        NotInstalledError: matplotlib is missing.
    """
    picture = new_picture(12, 10)
    title = f"{count(found.documents)} documents in {days(found.days)}: {dollars(found.dollars)}, "
    title += f"{gpus(found.peak_gpus)} at most, {found.utilisation:.0%} used, "
    title += f"p95 {found.response.p95:,.0f} s"
    picture.suptitle(title, parse_math=False)
    axes = picture.subplots(4, 1, sharex=True, height_ratios=(3, 3, 2, 3))
    by_day = len(found.hours) > _HOURS_SHOWN
    span = 24 if by_day else 1
    parts = [found.hours[at : at + span] for at in range(0, len(found.hours), span)]
    _draw_flow(axes[0], parts, "documents a day" if by_day else "documents an hour")
    _draw_gpus(axes[1], parts)
    _draw_line(axes[2], parts)
    _draw_responses(axes[3], parts)
    axes[3].set_xlabel("day" if by_day else "hour")
    axes[3].set_xlim(0, len(parts))
    save_picture(picture, path)


Parts = Sequence[Sequence[HourAnswer]]


def _steps(axes: Axes, values: Sequence[float], **style: Any) -> None:
    axes.stairs(values, range(len(values) + 1), **style)


def _of(parts: Parts, value: Callable[[HourAnswer], float]) -> list[float]:
    return [sum(map(value, part)) / len(part) for part in parts]


def _draw_flow(axes: Axes, parts: Parts, label: str) -> None:
    arrived = [float(sum(one.arrived for one in part)) for part in parts]
    finished = [float(sum(one.finished for one in part)) for part in parts]
    _steps(axes, arrived, color=GREY, fill=True, alpha=0.35, label="arrived")
    _steps(axes, finished, color=GREEN, linewidth=1.4, label="finished")
    axes.set(ylabel=label, ylim=(0, max([*arrived, *finished, 1]) * 1.3))
    axes.yaxis.set_major_formatter(lambda value, _: count(value) if value else "0")
    axes.legend(loc="upper right", frameon=False, ncols=2)


def _draw_gpus(axes: Axes, parts: Parts) -> None:
    ready = _of(parts, lambda one: one.gpus)
    paid = _of(parts, lambda one: one.gpus + one.booting)
    _steps(axes, paid, color=ORANGE, fill=True, alpha=0.6, label="starting")
    _steps(axes, ready, color="white", fill=True)
    _steps(axes, ready, color=BLUE, fill=True, alpha=0.5, label="serving")
    if len(parts[0]) > 1:
        highest = [max(one.gpus for one in part) for part in parts]
        _steps(axes, highest, color=BLUE, linewidth=1.2, label="serving, the day's busiest hour")
        paid = [max(pair) for pair in zip(highest, paid, strict=True)]
    axes.set(ylabel="GPUs", ylim=(0, max([*paid, 1]) * 1.3))
    axes.legend(loc="upper right", frameon=False, ncols=3)


def _draw_line(axes: Axes, parts: Parts) -> None:
    line = [max(one.line for one in part) for part in parts]
    _steps(axes, line, color=RED, fill=True, alpha=0.5)
    axes.set(ylabel="documents in line", ylim=(0, max([*line, 1]) * 1.15))


def _draw_responses(axes: Axes, parts: Parts) -> None:
    responses = [max((one.p95 or 0 for one in part), default=0) for part in parts]
    _steps(axes, [one or float("nan") for one in responses], color=BLUE, linewidth=1.4)
    axes.set_yscale("log")
    axes.grid(axis="y", which="both", color="0.9")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    worst = "p95 of the day's worst hour, s" if len(parts[0]) > 1 else "response time p95, s"
    axes.set_ylabel(worst)
