"""Report of verify: the tables in Markdown for docs/compose.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from infra.compose.verify.mistakes import Finding
from infra.compose.verify.trials import Row


def trials_table(rows: Iterable[Row]) -> str:
    """Return a table with one line for each trial."""
    head = "what was done, jobs, results, callbacks, repeated, lost, infer workers, seconds"
    return _table(
        head.split(", "),
        [
            (
                row.done,
                row.jobs,
                row.results,
                row.told,
                row.repeated,
                row.lost,
                row.workers,
                f"{row.seconds:.0f}",
            )
            for row in rows
        ],
    )


def mistakes_table(findings: Iterable[Finding]) -> str:
    """Return a table with one line for each mistake."""
    head = ("mistake", "part", "what it says", "then")
    return _table(head, [(f.name, f"`{f.service}`", f"`{f.said}`", f.end) for f in findings])


def containers_table(memory: Mapping[str, str], seconds: Mapping[str, float]) -> str:
    """Return a table with one line for each container."""
    rows = [
        (f"`{name}`", memory.get(name, "-"), f"{seconds[name]:.1f}" if name in seconds else "-")
        for name in sorted(memory)
    ]
    return _table(("container", "idle memory", "seconds until it is well"), rows)


def images_table(megabytes: Mapping[str, int]) -> str:
    """Return a table with one line for each image."""
    return _table(("image", "MB"), sorted(megabytes.items()))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
