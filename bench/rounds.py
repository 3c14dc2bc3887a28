"""A benchmark that measures a ratio round by round: how it is started, and what it tells."""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from bench.table import print_table, write_json

Row = dict[str, float]


def run_rounds(
    measure: Callable[[int, int], Coroutine[Any, Any, Sequence[Row]]],
    *,
    prog: str,
    title: str,
    description: str | None,
    work: str,
    count: int,
) -> None:
    """Measure, print the table and the median of its column `ratio`, write the figures.

    Args:
        measure: Given how much work a round has and how many rounds; gives a row for each.
        prog: Command of the benchmark.
        title: Title of the table.
        description: Description of the benchmark, for --help.
        work: Content of a round, in the plural; also the option for its number.
        count: Default number.
    """
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument(
        f"--{work}", dest="count", type=int, default=count, metavar="N", help="in each round"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.count, arguments.rounds))
    ratio = statistics.median(row["ratio"] for row in rows)
    print_table(title, rows)
    print(f"ratio {ratio:.3f} (median of {len(rows)} rounds of {arguments.count} {work})")
    write_json(arguments.json, {"ratio": ratio, "rounds": rows})
