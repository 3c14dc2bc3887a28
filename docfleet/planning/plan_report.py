"""The report of a plan: Markdown, CSV and a picture in a folder."""

from __future__ import annotations

from pathlib import Path

from docfleet.planning.output import count, dollars, gpus, make_folder, markdown_table, write_csv
from docfleet.planning.plan import Figures, Plan
from docfleet.planning.plan_plot import plot_plan

_HOURS = ("hour", "documents", "gpus", "load in GPUs", "p95 seconds")
_METHOD = """## Method

A document's time on the engine is split by the profile's prefill share: one part grows with its
input, the other with its output.
Response times come from a birth-and-death chain over the documents in the fleet: random arrivals,
one line, load spread evenly.
Without a response time, work may wait, and the GPUs are those that the year's work keeps busy.
The year has 12 month ends of three days.
"""
_FIGURES = ("GPUs", "dollars a year", "dollars a document")


def summary(plan: Plan) -> list[str]:
    """Return a plan in sentences."""
    basis = "measured" if plan.measured else "not measured: see the source"
    keeps = f" with a p95 of {plan.p95_seconds:g} s" if plan.p95_seconds else ""
    scaled = plan.autoscaled
    asked = f"{count(plan.documents_per_year)} documents a year{keeps} on {plan.gpu}"
    cost = (
        f"{dollars(plan.dollars_per_year)} a year, {dollars(plan.dollars_per_document)} a document"
    )
    most = count(plan.most_documents_per_year)
    scaled_cost = f"{dollars(scaled.dollars_per_year)} a year"
    scaled_each = f"{dollars(scaled.dollars_per_document)} a document"
    return [
        f"{asked} (profile {plan.profile}, {basis}):",
        (
            f"{gpus(plan.gpus)}, {cost}; {plan.utilisation:.0%} of their time is used, and they "
            f"could read {most} documents."
        ),
        (
            f"Paid by the hour, as many as each hour needs: {scaled.gpu_hours_per_year:,.0f} "
            f"GPU-hours, {scaled_cost}, {scaled_each}."
        ),
    ]


def write_plan_report(plan: Plan, folder: Path) -> None:
    """Write report.md, hours.csv, sensitivity.csv, alternatives.csv and plan.png.

    Args:
        plan: With its sensitivity and alternatives.
        folder: Made if it is missing.

    Raises:
        BadUsageError: The folder cannot be made.
        NotInstalledError: matplotlib is missing.
    """
    make_folder(folder)
    write_csv(folder / "hours.csv", _HOURS, _hour_rows(plan))
    write_csv(folder / "sensitivity.csv", ("assumption", "change", *_FIGURES), _varied(plan))
    write_csv(folder / "alternatives.csv", ("profile", "basis", *_FIGURES), _others(plan))
    plot_plan(plan, folder / "plan.png")
    (folder / "report.md").write_text(report(plan), encoding="utf-8")


def report(plan: Plan) -> str:
    """Return the report in Markdown."""
    mix = plan.mix
    return "\n\n".join(
        [
            f"# Plan: {count(plan.documents_per_year)} documents a year on {plan.gpu}",
            "\n".join(summary(plan)),
            "![GPUs by hour, dollars a document, and sensitivity](plan.png)",
            (
                f"The average document has {mix.input_tokens:,} tokens of input, of which "
                f"{mix.cached_share:.0%} come from the prefix cache, and {mix.output_tokens:,} of "
                f"output (mix {mix.name})."
            ),
            f"Source of the profile: {plan.source}",
            "## The busiest day, by hour",
            markdown_table(_HOURS, _hour_rows(plan)),
            "## Sensitivity\n\nOne assumption is changed at a time.",
            markdown_table(("assumption", "change", *_FIGURES), _varied(plan)),
            "## The same work on other GPUs",
            markdown_table(("profile", "basis", *_FIGURES), _others(plan)),
            _METHOD,
        ]
    )


def _hour_rows(plan: Plan) -> list[tuple[object, ...]]:
    return [
        (
            f"{one.hour:02d}",
            round(one.documents),
            one.gpus,
            f"{one.load:.2f}",
            "behind" if one.p95_seconds is None else f"{one.p95_seconds:.1f}",
        )
        for one in plan.hours
    ]


def _cells(figures: Figures | None) -> tuple[object, ...]:
    if figures is None:
        return ("cannot", "-", "-")
    return (
        figures.gpus,
        f"{figures.dollars_per_year:.0f}",
        f"{figures.dollars_per_document:.6f}",
    )


def _varied(plan: Plan) -> list[tuple[object, ...]]:
    rows = [(one.name, one.change, *_cells(one.figures)) for one in plan.sensitivity]
    return [("(as asked)", "", *_cells(plan)), *rows]


def _others(plan: Plan) -> list[tuple[object, ...]]:
    return [
        (one.profile, "measured" if one.measured else "not measured", *_cells(one.figures))
        for one in plan.alternatives
    ]
