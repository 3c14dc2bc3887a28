"""The picture of a plan: GPUs by hour, dollars by GPU kind, and the sensitivity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docfleet.planning.output import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    count,
    dollars,
    gpus,
    new_picture,
    save_picture,
)
from docfleet.planning.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CENTS = 100


def plot_plan(plan: Plan, path: Path) -> None:
    """Draw a plan.

    Args:
        plan: With its sensitivity and alternatives.
        path: Of the PNG.

    Raises:
        NotInstalledError: matplotlib is missing.
    """
    picture = new_picture(12, 9)
    title = f"{count(plan.documents_per_year)} documents a year on {plan.gpu}: "
    title += f"{gpus(plan.gpus)}, {dollars(plan.dollars_per_year)} a year, "
    title += f"{dollars(plan.dollars_per_document)} each"
    basis = "measured" if plan.measured else "published or estimated speed, not measured"
    picture.suptitle(f"{title}\n{basis}", parse_math=False)
    axes = picture.subplot_mosaic([["hours", "sensitivity"], ["kinds", "sensitivity"]])
    _draw_hours(axes["hours"], plan)
    _draw_kinds(axes["kinds"], plan)
    _draw_sensitivity(axes["sensitivity"], plan)
    save_picture(picture, path)


def _draw_hours(axes: Axes, plan: Plan) -> None:
    hours = [one.hour for one in plan.hours]
    axes.bar(hours, [one.gpus for one in plan.hours], 0.9, color=BLUE, alpha=0.35, label="GPUs")
    axes.step(
        [-0.5, *(hour + 0.5 for hour in hours)],
        [plan.hours[0].load, *(one.load for one in plan.hours)],
        color=BLUE,
        label="load, in GPUs at full speed",
    )
    top = max(one.gpus for one in plan.hours) * 1.3
    axes.set(title="The busiest day", xlabel="hour", ylabel="GPUs", ylim=(0, top))
    axes.set_xlim(-0.6, 23.6)
    axes.set_xticks(range(0, 24, 3))
    axes.legend(loc="upper left", frameon=False, ncols=2)


def _draw_kinds(axes: Axes, plan: Plan) -> None:
    """Draw the cost on each GPU kind, with the number of GPUs."""
    found = [(one, one.figures) for one in plan.alternatives]
    costs = [figures.dollars_per_document * _CENTS if figures else 0.0 for _, figures in found]
    colors = [GREEN if one.profile == plan.profile else GREY for one, _ in found]
    bars = axes.barh([one.gpu for one, _ in found], costs, color=colors)
    words = [gpus(figures.gpus) if figures else "too slow" for _, figures in found]
    axes.bar_label(bars, words, padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set(title="The same work on other GPUs", xlabel="cents a document")


def _draw_sensitivity(axes: Axes, plan: Plan) -> None:
    """Draw the cost of a document under each changed assumption, as asked in the middle."""
    base = plan.dollars_per_document * _CENTS
    labels = [f"{one.name} {one.change}" for one in plan.sensitivity]
    for row, one in enumerate(plan.sensitivity):
        if one.figures is None:
            axes.text(base, row, " no fleet keeps it", va="center", color=GREY)
            continue
        cost = one.figures.dollars_per_document * _CENTS
        axes.barh(row, cost - base, left=base, height=0.7, color=ORANGE if cost > base else GREEN)
        side, align = (" ", "left") if cost >= base else ("", "right")
        text = f"{side}{gpus(one.figures.gpus)} "
        axes.text(cost, row, text, va="center", ha=align, fontsize=8)
    axes.axvline(base, color="0.3", linewidth=1)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set(title="One assumption changed at a time", xlabel="cents a document")
