"""The reliability plot: share of right values by confidence, as PNG."""

from __future__ import annotations

from pathlib import Path

from docfleet.errors import NotInstalledError
from docfleet.evaluation.reliability import BINS, Reliability


def plot_reliability(found: Reliability, title: str, path: Path) -> None:
    """Draw it.

    Args:
        found: Of a run.
        title: Above the plot.
        path: Of the picture.

    Raises:
        NotInstalledError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure as Picture  # noqa: PLC0415  # an extra of docfleet
    except ImportError as error:
        raise NotInstalledError("--plot needs matplotlib: pip install 'docfleet[plot]'") from error
    picture = Picture(figsize=(5, 6), layout="constrained")
    upper, lower = picture.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    upper.plot((0, 1), (0, 1), color="0.7", linestyle="--", label="calibrated")
    upper.plot(
        [one.confidence for one in found.bins], [one.right for one in found.bins], marker="o"
    )
    upper.set(title=title, ylabel="share of right values", xlim=(0, 1), ylim=(0, 1))
    upper.legend(loc="upper left")
    lower.bar([one.low for one in found.bins], [one.count for one in found.bins], 1 / BINS,
              align="edge", edgecolor="white")  # fmt: skip
    lower.set(xlabel="confidence", ylabel="values")
    picture.savefig(path, dpi=110, format="png")
