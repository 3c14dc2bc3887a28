"""The soak's plot: memory and faults over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from chaos.soak.samples import Sample

mpl.use("Agg")


def plot(samples: Sequence[Sample], faults: Sequence[tuple[float, str]], path: Path) -> None:
    """Draw the plot.

    Args:
        samples: Samples of the whole soak.
        faults: Faults with their times, in seconds since the beginning.
        path: Path of the picture.
    """
    lines: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for sample in samples:
        lines[sample.name].append((sample.seconds / 60, sample.megabytes))
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.subplots()
    for name, points in sorted(lines.items()):
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1)
    for seconds, _ in faults:
        axes.axvline(seconds / 60, color="0.85", linewidth=0.6, zorder=0)
    axes.set_xlabel("minutes (grey lines: faults)")
    axes.set_ylabel("MB")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", fontsize="small", ncols=2)
    figure.savefig(path, dpi=110)
