"""The commands that answer for fleets on paper: `plan` and `simulate`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.texts.age import parse_age
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError

if TYPE_CHECKING:
    from schemas.contract import Contract

MixOption = Annotated[
    str, typer.Option("--mix", help="Documents: a shipped mix or a file.", metavar="FILE|NAME")
]
JsonPathOption = Annotated[
    Path | None, typer.Option("--json", help="Write the answer there.", metavar="PATH")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Write report.md, CSV and PNG there.", metavar="DIR"),
]


def plan(
    documents_per_year: Annotated[
        float, typer.Option(help="Documents a year, such as 25e6.", metavar="N")
    ],
    *,
    profile: Annotated[
        str,
        typer.Option(help="Speed: a shipped profile, a GPU or a file.", metavar="FILE|NAME"),
    ] = "a100-80gb",
    mix: MixOption = "reference",
    p95: Annotated[
        timedelta | None,
        typer.Option(
            "--p95",
            parser=parse_age,
            help="Response time of 95 of 100 documents; without it work waits.",
            metavar="60s",
        ),
    ] = None,
    dollars_per_year: Annotated[
        float | None, typer.Option(help="Your price of one GPU.", metavar="N")
    ] = None,
    json_path: JsonPathOption = None,
    out: OutOption = None,
) -> None:
    """Plan a fleet: GPUs and dollars for a number of documents a year.

    Exit codes: 0 planned. 2 bad usage, an unknown profile or mix, or a response time that no fleet
    keeps.
    """
    from docfleet.planning.library import load_mix, load_profile, shipped_profiles
    from docfleet.planning.plan import Demand, alternatives, make_plan
    from docfleet.planning.plan_report import summary, write_plan_report
    from docfleet.planning.sensitivity import sensitivity

    _positive("--documents-per-year", documents_per_year)
    found = load_profile(profile)
    if dollars_per_year is not None:
        _positive("--dollars-per-year", dollars_per_year)
        price = found.price.model_copy(
            update={"dollars_per_year": dollars_per_year, "source": "--dollars-per-year"}
        )
        found = found.model_copy(update={"price": price})
    demand = Demand(found, load_mix(mix), documents_per_year, p95.total_seconds() if p95 else None)
    others = [one for one in shipped_profiles() if one.name != found.name]
    answer = make_plan(demand).model_copy(
        update={
            "sensitivity": sensitivity(demand),
            "alternatives": alternatives(demand, [found, *others]),
        }
    )
    _write_json(json_path, answer)
    if out:
        write_plan_report(answer, out)
    for line in summary(answer):
        say(line)


def simulate(
    *,
    documents_per_year: Annotated[
        float | None, typer.Option(help="Documents a year, such as 25e6.", metavar="N")
    ] = None,
    documents_per_hour: Annotated[
        float | None, typer.Option(help="The same for an average hour.", metavar="N")
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(
            help="GPUs of a profile: a number, or a range for the autoscaler, which fills the "
            "first pool first. May be repeated.",
            metavar="PROFILE=N|LEAST..MOST",
        ),
    ] = None,
    mix: MixOption = "office-hours",
    days: Annotated[float, typer.Option(help="1 for a day, 365 for a year.", metavar="N")] = 1.0,
    first_day: Annotated[
        int, typer.Option(min=0, max=364, help="Day of the year to begin on; day 0 is a Monday.")
    ] = 0,
    tenant: Annotated[
        list[str] | None,
        typer.Option(
            help="A tenant, its share of the documents and its weight in line. May be repeated.",
            metavar="NAME=SHARE[:WEIGHT]",
        ),
    ] = None,
    surge: Annotated[
        str | None,
        typer.Option(
            help="A catastrophe: arrivals are multiplied from a day on, fading over some days.",
            metavar="DAY:FACTOR[:DAYS]",
        ),
    ] = None,
    cold_start: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_age, help="Until a GPU serves; else the profile's.", metavar="180s"
        ),
    ] = None,
    target: Annotated[
        float,
        typer.Option(min=0.05, max=1, help="Share of their speed at which GPUs are asked for."),
    ] = 0.8,
    cooldown: Annotated[
        timedelta | None,
        typer.Option(parser=parse_age, help="Before GPUs are given back.", metavar="300s"),
    ] = None,
    spot_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the GPUs that may be taken away.")
    ] = 0.0,
    spot_losses: Annotated[
        float, typer.Option(min=0, help="Losses of each of them in an hour.", metavar="N")
    ] = 0.05,
    spot_price: Annotated[
        float, typer.Option(min=0, max=1, help="Their price, over the usual one.")
    ] = 0.4,
    method: Annotated[
        str | None,
        typer.Option(help="documents or aggregate; else by their number.", metavar="NAME"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    json_path: JsonPathOption = None,
    out: OutOption = None,
) -> None:
    """Simulate a fleet over a day or a year: cost, waits, and how much of it is used.

    Exit codes: 0 simulated. 2 bad usage, or an unknown profile or mix.
    """
    from docfleet.commands.arguments.fleet_parts import parse_pool, parse_surge, parse_tenant
    from docfleet.planning.arrivals import YEAR
    from docfleet.planning.library import load_mix
    from docfleet.planning.simulation.report import summary, write_simulation_report
    from docfleet.planning.simulation.run import method_named
    from docfleet.planning.simulation.run import simulate as run
    from docfleet.planning.simulation.scenario import Autoscaler, Scenario, Spot

    if (documents_per_year is None) == (documents_per_hour is None):
        raise BadUsageError("name either --documents-per-year or --documents-per-hour")
    yearly = documents_per_year or (documents_per_hour or 0) * YEAR / 3600
    _positive("--documents-per-year", yearly)
    _positive("--days", days)
    scenario = Scenario(
        pools=tuple(map(parse_pool, pool or ["a100-80gb=1..1000"])),
        mix=load_mix(mix),
        documents_per_year=yearly,
        days=days,
        first_day=first_day,
        tenants=tuple(map(parse_tenant, tenant or ["default=1"])),
        surge=parse_surge(surge) if surge else None,
        cold_start_seconds=cold_start.total_seconds() if cold_start else None,
        autoscaler=Autoscaler(
            target=target, cooldown_seconds=cooldown.total_seconds() if cooldown else 300.0
        ),
        spot=Spot(spot_share, spot_losses, spot_price),
        seed=seed,
    )
    answer = run(scenario, method_named(method))
    _write_json(json_path, answer)
    if out:
        write_simulation_report(scenario, answer, out)
    for line in summary(answer):
        say(line)


def _positive(option: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise BadUsageError(f"{option} is {value:g}: name a number above 0")


def _write_json(path: Path | None, answer: Contract) -> None:
    if path is None:
        return
    try:
        path.write_text(answer.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadUsageError(f"--json {path} cannot be written: {error.strerror}") from error


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command("plan")(plan)
    app.command("simulate")(simulate)
