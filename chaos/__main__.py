"""The command `python -m chaos`: breaks a fleet on purpose, and shows that nothing is lost.

Data and logs of each fleet are in `chaos/out/`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos.catalogue import SCENARIOS
from chaos.drill import Scenario
from chaos.row import Row, markdown
from chaos.runner import run_all


def main() -> int:
    """Run the named scenarios; return the exit code."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 132)
    if arguments.list:
        for scenario in SCENARIOS:
            console.print(f"{scenario.name:18} {scenario.claim}", highlight=False)
        return 0
    rows = asyncio.run(run_all(_chosen(arguments.names), console, is_short=arguments.short))
    console.print(_table(rows))
    if arguments.json:
        figures = json.dumps([row.as_json() for row in rows], indent=2)
        arguments.json.write_text(figures + "\n", encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(rows), encoding="utf-8")
    return 0 if all(row.ok for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m chaos")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios to run; all if none")
    parser.add_argument("--short", action="store_true", help="small numbers, some seconds each")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    return parser.parse_args()


def _table(rows: Sequence[Row]) -> Table:
    shown = [row.shown() for row in rows]
    table = Table(title="docfleet, broken on purpose")
    for name in shown[0]:
        left = name in {"fault", "verdict"}
        table.add_column(name, justify="left" if left else "right", no_wrap=name == "fault")
    for row in shown:
        table.add_row(*map(str, row.values()))
    return table


def _chosen(names: Sequence[str]) -> list[Scenario]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"chaos: there is no scenario {', '.join(unknown)}; see --list")
    return [known[name] for name in names] if names else list(SCENARIOS)


if __name__ == "__main__":
    sys.exit(main())
