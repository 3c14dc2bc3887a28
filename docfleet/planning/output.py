"""Files of a report: tables as CSV and as Markdown, and pictures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docfleet.errors import BadUsageError, NotInstalledError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = Sequence[Sequence[object]]

BLUE, ORANGE, GREEN, GREY, RED = "#2563a8", "#d97706", "#2f855a", "#8a8f98", "#c0392b"
_DPI = 120


def markdown_table(heads: Sequence[str], rows: Rows) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write_csv(path: Path, heads: Sequence[str], rows: Rows) -> None:
    """Write a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)


def make_folder(folder: Path) -> None:
    """Make the folder of a report.

    Raises:
        BadUsageError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadUsageError(f"--out {folder} cannot be made: {error.strerror}") from error


def new_picture(width: float, height: float) -> Figure:
    """Return an empty picture.

    Args:
        width: In inches.
        height: In inches.

    Raises:
        NotInstalledError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure as Picture  # noqa: PLC0415  # an extra of docfleet
    except ImportError as error:
        raise NotInstalledError("--out needs matplotlib: pip install 'docfleet[plot]'") from error
    return Picture(figsize=(width, height), layout="constrained")


def save_picture(picture: Figure, path: Path) -> None:
    """Write a picture as PNG."""
    for axes in picture.axes:
        axes.spines[["top", "right"]].set_visible(False)
    picture.savefig(path, dpi=_DPI, format="png")


def dollars(amount: float) -> str:
    """Return an amount: whole dollars from 100 on, else three figures."""
    return f"${amount:,.0f}" if amount >= 100 else f"${amount:.3g}"  # noqa: PLR2004


def count(amount: float) -> str:
    """Return a number of documents, short: 25M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= size:
            return f"{amount / size:.3g}{letter}"
    return f"{amount:.3g}"


def gpus(number: int) -> str:
    """Return a number of GPUs in words."""
    return f"{number:,} GPU{'' if number == 1 else 's'}"


def days(number: float) -> str:
    """Return a number of days in words."""
    return f"{number:g} day{'' if number == 1 else 's'}"
