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
