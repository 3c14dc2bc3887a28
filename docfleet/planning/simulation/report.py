"""The report of a simulation: Markdown, CSV and a picture in a folder."""

from __future__ import annotations

from pathlib import Path

from docfleet.planning.output import (
    count,
    days,
    dollars,
    gpus,
    make_folder,
    markdown_table,
    write_csv,
)
from docfleet.planning.simulation.answer import Percentiles, Simulation
from docfleet.planning.simulation.plot import plot_simulation
from docfleet.planning.simulation.scenario import Scenario

_HOURS = ("hour", "arrived", "finished", "line", "gpus", "booting", "p95 seconds")
_TENANTS = ("tenant", "documents", "wait p50", "p95", "p99", "response p50", "p95", "p99")
_METHODS = {
    "documents": "Each document was followed: random arrivals at the mix's rate, one line, and "
    "documents in service that advance together at the speed of the profile's curve.",
    "aggregate": "By ticks, all documents of one being a cohort: 5 seconds in up to 14 days, 240 "
    "in longer ones, in which the autoscaler looks as often. Waits shorter than a tick are "
    "not seen, and a few GPUs near their limit look better than they are.",
}


def summary(found: Simulation) -> list[str]:
    """Return a simulation in sentences."""
    each = found.dollars_per_document
    lines = [
        (
            f"{count(found.documents)} documents in {days(found.days)}, simulated by "
            f"{found.method}, seed {found.seed}:"
        ),
        f"{found.gpu_hours:,.0f} GPU-hours, {dollars(found.dollars)}"
        + (f", {dollars(each)} a document" if each is not None else "")
        + f"; {found.mean_gpus:,.1f} GPUs on average, {gpus(found.peak_gpus)} at most.",
        (
            f"Wait p50 {_time(found.wait.p50)}, p95 {_time(found.wait.p95)}, p99 "
            f"{_time(found.wait.p99)}; response p50 {_time(found.response.p50)}, p95 "
            f"{_time(found.response.p95)}, p99 {_time(found.response.p99)}."
        ),
        (
            f"Utilisation {found.utilisation:.0%}; {found.idle_share:.0%} of the GPUs' time "
            f"without a request, {found.booting_share:.0%} spent starting."
        ),
    ]
    if found.spot_losses:
        lines.append(
            f"{found.spot_losses:,} GPUs were taken away, and {found.restarted:,} documents began "
            "again."
        )
    if found.unfinished:
        lines.append(f"{found.unfinished:,} documents were not finished at the end.")
    return lines


def write_simulation_report(scenario: Scenario, found: Simulation, folder: Path) -> None:
    """Write report.md, hours.csv, tenants.csv and simulation.png.

    Args:
        scenario: What was simulated.
        found: The answer.
        folder: Made if it is missing.

    Raises:
        BadUsageError: The folder cannot be made.
        NotInstalledError: matplotlib is missing.
    """
    make_folder(folder)
    write_csv(folder / "hours.csv", _HOURS, _hour_rows(found))
    write_csv(folder / "tenants.csv", _TENANTS, _tenant_rows(found))
    plot_simulation(found, folder / "simulation.png")
    (folder / "report.md").write_text(report(scenario, found), encoding="utf-8")


def report(scenario: Scenario, found: Simulation) -> str:
    """Return the report in Markdown."""
    mix, spot, rule = scenario.mix, scenario.spot, scenario.autoscaler
    pools = [
        (one.profile.name, one.least, one.most, one.profile.measured, one.profile.source)
        for one in scenario.pools
    ]
    setting = [
        f"Mix {mix.name}: {mix.input_tokens:,} tokens of input, {mix.output_tokens:,} of output.",
        (
            f"Autoscaler: GPUs for the arrivals, and for the line within {rule.drain_seconds:g} s, "
            f"at {rule.target:.0%} of their speed, every {rule.interval_seconds:g} s; GPUs go "
            f"after {rule.cooldown_seconds:g} s."
        ),
        (
            f"Spot: {spot.share:.0%} of the GPUs, at {spot.price:.0%} of the price; each is lost "
            f"{spot.losses_per_hour:g} times an hour."
        ),
    ]
    if scenario.surge:
        setting.append(
            f"Surge: {scenario.surge.factor:g} times the arrivals on day {scenario.surge.day:g}, "
            f"fading over {scenario.surge.days:g} days."
        )
    parts = [
        f"# Simulation: {count(found.documents)} documents in {days(found.days)}",
        "\n".join(summary(found)),
        "![Arrivals, GPUs, line and response times](simulation.png)",
        "## The fleet\n\n" + "\n".join(setting),
        markdown_table(("profile", "least", "most", "measured", "source"), pools),
        "## Tenants\n\nIn seconds.",
        markdown_table(_TENANTS, _tenant_rows(found)),
        (
            f"## Method\n\n{_METHODS[found.method]}\nDocuments of a GPU that is taken away begin "
            "again.\nA GPU that is given back passes its documents on to the others.\n"
        ),
    ]
    return "\n\n".join(parts)


def _hour_rows(found: Simulation) -> list[tuple[object, ...]]:
    return [
        (
            one.hour,
            one.arrived,
            one.finished,
            f"{one.line:.1f}",
            f"{one.gpus:.2f}",
            f"{one.booting:.2f}",
            "" if one.p95 is None else f"{one.p95:.1f}",
        )
        for one in found.hours
    ]


def _tenant_rows(found: Simulation) -> list[tuple[object, ...]]:
    return [
        (name, one.documents, *_shown(one.wait), *_shown(one.response))
        for name, one in found.tenants.items()
    ]


def _shown(found: Percentiles) -> tuple[str, ...]:
    return tuple(f"{seconds:.1f}" for seconds in (found.p50, found.p95, found.p99))


def _time(seconds: float) -> str:
    """Return a duration, in minutes from two on."""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
