"""Curves of a training: a row for each measurement, as CSV and as a plot."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.figure import Figure

COLUMNS = ("step", "tokens", "seconds", "learning_rate", "training_loss", "validation_loss")
Row = dict[str, float]


def read_curves(path: Path) -> list[Row]:
    """Return the rows of a CSV; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def write_curves(rows: list[Row], csv_path: Path, plot_path: Path) -> None:
    """Write all rows anew, and plot both losses."""
    with csv_path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for name in ("training_loss", "validation_loss"):
        axes.plot(
            [row["step"] for row in rows],
            [row[name] for row in rows],
            label=name.replace("_", " "),
        )
    axes.set(xlabel="step", ylabel="loss of the answer's tokens", yscale="log")
    axes.legend()
    figure.savefig(plot_path, dpi=120)
