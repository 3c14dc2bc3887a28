"""The row of one scenario in the table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Row:
    """Outcome of one scenario.

    Attributes:
        fault: The scenario's name.
        injected: Number of faults.
        accepted: Jobs that were accepted.
        results: Accepted jobs with a result object.
        duplicates: Accepted jobs with two results, two ends, or events under two ids.
        lost: Accepted jobs with neither a result and its event nor a dead letter.
        dead: Accepted jobs that are dead letters.
        dead_expected: Number of dead letters that are right.
        recovery_seconds: After a worker was killed or cut off: for each of its jobs, until another
            worker claimed it. After a server's fault: from its return until the next report of a
            job's end. After SIGTERM: until the process had ended.
        wrong: Other broken promises.
        notes: Further figures of this scenario.
        seconds: Duration.
    """

    fault: str
    injected: int = 0
    accepted: int = 0
    results: int = 0
    duplicates: int = 0
    lost: int = 0
    dead: int = 0
    dead_expected: int = 0
    recovery_seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0

    @property
    def ok(self) -> bool:
        """Return whether everything was as promised."""
        nothing_bad = not (self.wrong or self.lost or self.duplicates)
        return nothing_bad and self.dead == self.dead_expected and self.injected > 0

    @property
    def verdict(self) -> str:
        """Return the verdict in words."""
        return "ok" if self.ok else "; ".join(["FAILED", *self.wrong])

    def shown(self) -> dict[str, Any]:
        """Return the row for the table."""
        times = self.recovery_seconds
        return {
            "fault": self.fault,
            "times": self.injected,
            "jobs accepted": self.accepted,
            "results": self.results,
            "duplicates": self.duplicates,
            "lost": self.lost,
            "dead (expected)": f"{self.dead} ({self.dead_expected})",
            "recovery s, median": f"{statistics.median(times):.1f}" if times else "-",
            "recovery s, max": f"{max(times):.1f}" if times else "-",
            "verdict": self.verdict,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the row with all its values."""
        return {**asdict(self), "ok": self.ok}


def markdown(rows: Sequence[Row]) -> str:
    """Return the table in Markdown."""
    shown = [row.shown() for row in rows]
    lines = [_line(shown[0]), _line(dict.fromkeys(shown[0], "---"))]
    lines[0] = "| " + " | ".join(shown[0]) + " |"
    return "\n".join([*lines, *map(_line, shown)]) + "\n"


def _line(cells: Mapping[str, Any]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells.values()) + " |"
