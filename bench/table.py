"""Tables of a benchmark's figures, printed and written to a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that have the same columns."""
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(_words(value) for value in row.values()))
    Console().print(table)


def write_json(path: Path | None, figures: Mapping[str, Any]) -> None:
    """Write the figures, if a path was given."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _words(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
