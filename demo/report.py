"""Report of the demo: printed lines and the files that stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.compare import Comparison, accuracy

_CELL_WIDTH = 36


@dataclass(frozen=True, slots=True)
class Figures:
    """One run in numbers.

    Attributes:
        documents: Number of dropped documents.
        results: Number of result objects.
        webhooks: Number of jobs with a verified webhook.
        refused: Number of webhooks without a valid signature.
        seconds: Seconds from the first drop to the last webhook.
        documents_per_second: Over those seconds.
        output_tokens_per_second: Likewise.
        cached_share: Share of the prompt tokens that came from the prefix cache.
    """

    documents: int
    results: int
    webhooks: int
    refused: int
    seconds: float
    documents_per_second: float
    output_tokens_per_second: float
    cached_share: float


def figures(
    documents: int,
    results: Sequence[Mapping[str, Any]],
    webhooks: int,
    refused: int,
    seconds: float,
) -> Figures:
    """Count a run.

    Args:
        documents: Number of dropped documents.
        results: The result objects.
        webhooks: Verified events.
        refused: Events without a valid signature.
        seconds: Seconds from the first drop to the last webhook.
    """
    prompt = sum(result["usage"]["prompt_tokens"] for result in results)
    cached = sum(result["usage"]["cached_tokens"] for result in results)
    output = sum(result["usage"]["output_tokens"] for result in results)
    return Figures(
        documents=documents,
        results=len(results),
        webhooks=webhooks,
        refused=refused,
        seconds=round(seconds, 2),
        documents_per_second=round(documents / seconds, 2),
        output_tokens_per_second=round(output / seconds, 1),
        cached_share=round(cached / prompt, 3) if prompt else 0.0,
    )


def print_report(console: Console, comparisons: Sequence[Comparison], run: Figures) -> None:
    """Value against truth, field by field, and the run in numbers."""
    table = Table(title="What came out, and what is true")
    for column in ("field", "value", "expected", ""):
        table.add_column(column, no_wrap=True)
    for (document, task), rows in groupby(comparisons, lambda row: (row.document, row.task)):
        table.add_row(f"[bold]{document}[/]", f"[bold]{task}[/]")
        for row in rows:
            mark = "[green]ok[/]" if row.match else "[red]differs[/]"
            table.add_row(f"  {row.field}", _words(row.value), _words(row.expected), mark)
        table.add_section()
    console.print(table)
    for task, (right, compared) in accuracy(comparisons).items():
        console.print(f"  {task}: {right} of {compared} fields right")
    console.print(
        f"\n{run.results} results of {run.documents} documents in {run.seconds:.1f} s: "
        f"{run.documents_per_second:.2f} documents/s, "
        f"{run.output_tokens_per_second:.0f} output tokens/s, "
        f"{run.cached_share:.0%} of prompt tokens from the prefix cache"
    )
    console.print(f"{run.webhooks} webhooks arrived and verified, {run.refused} refused")


def as_json(comparisons: Sequence[Comparison], run: Figures) -> dict[str, Any]:
    """The same as values."""
    return {"figures": asdict(run), "fields": [asdict(row) for row in comparisons]}


def _words(value: Any) -> str:
    text = " ".join(_text(value).split())
    return text if len(text) <= _CELL_WIDTH else text[: _CELL_WIDTH - 3] + "..."


def _text(value: Any) -> str:
    match value:
        case {"from": low, "to": high}:
            return f"{low} to {high}"
        case {"mentions": words}:
            return "mentions " + ", ".join(words)
        case None:
            return "-"
        case _:
            return str(value)
