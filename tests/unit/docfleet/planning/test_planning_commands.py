"""`docfleet plan` and `docfleet simulate`: their files, and errors of use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from docfleet.commands.planning import add_commands
from docfleet.errors import BadUsageError

PNG = b"\x89PNG\r\n\x1a\n"


def _run(*arguments: str | Path) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_commands(app)
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_plan_writes_its_answer_and_a_report(tmp_path: Path) -> None:
    """JSON with the names that others rely on, and a folder to look at."""
    path, out = tmp_path / "plan.json", tmp_path / "made" / "plan"
    said = _run("plan", "--documents-per-year", "25e6", "--p95", "60s", "--mix", "office-hours",
                "--json", path, "--out", out)  # fmt: skip
    answer = json.loads(path.read_text())
    assert f"{answer['gpus']} GPUs" in said
    assert answer["dollars_per_year"] == 30_000 * answer["gpus"]
    assert answer["dollars_per_document"] == pytest.approx(answer["dollars_per_year"] / 25e6)
    assert len(answer["hours"]) == 24
    assert len(answer["alternatives"]) == 6
    assert (out / "plan.png").read_bytes().startswith(PNG)
    assert len((out / "hours.csv").read_text().splitlines()) == 25
    assert len((out / "sensitivity.csv").read_text().splitlines()) > 15
    assert "| a100-80gb | not measured |" in (out / "report.md").read_text()


def test_plan_takes_the_users_profile_mix_and_price(tmp_path: Path) -> None:
    """Half the output and a tenth of the price."""
    mix = tmp_path / "mix.json"
    mix.write_text('{"name": "mine",\t"input_tokens": 8192, "output_tokens": 68}')
    path = tmp_path / "plan.json"
    _run("plan", "--documents-per-year", "30e6", "--profile", "NVIDIA A100-SXM4-80GB",
         "--mix", mix, "--dollars-per-year", "3000", "--json", path)  # fmt: skip
    answer = json.loads(path.read_text())
    assert (answer["gpus"], answer["dollars_per_year"], answer["mix"]["name"]) == (1, 3000, "mine")
    assert answer["exact_gpus"] == pytest.approx(30e6 / (130 / 136 / 0.9 * 365 * 86_400))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--documents-per-year", "0"), "--documents-per-year is 0: name a number above 0"),
        (("--documents-per-year", "inf"), "name a number above 0"),
        (("--documents-per-year", "1e6", "--profile", "Z9"), "no profile 'Z9'"),
        (("--documents-per-year", "1e6", "--mix", "none.json"), "none.json cannot be read"),
        (("--documents-per-year", "1e6", "--p95", "1s"), "no number of GPUs keeps a p95 of 1 s"),
        (("--documents-per-year", "1e6", "--json", "/proc/x/y"), "--json /proc/x/y cannot be"),
    ],
)
def test_plan_names_what_it_cannot_do(arguments: tuple[str, ...], words: str) -> None:
    """And what to do instead."""
    with pytest.raises(BadUsageError, match=words):
        _run("plan", *arguments)


def test_simulate_writes_its_answer_and_a_report(tmp_path: Path) -> None:
    """JSON, and a folder to look at."""
    path, out = tmp_path / "simulation.json", tmp_path / "made" / "simulation"
    said = _run("simulate", "--documents-per-hour", "2000", "--days", "0.25", "--pool", "A100=1..9",
                "--pool", "T4=0..4", "--tenant", "claims=3:2", "--tenant", "mail=1", "--surge",
                "0.1:3:1", "--spot-share", "0.5", "--json", path, "--out", out)  # fmt: skip
    answer = json.loads(path.read_text())
    assert f"{answer['gpu_hours']:,.0f} GPU-hours" in said
    assert answer["tenants"].keys() == {"claims", "mail"}
    assert answer["tenants"]["claims"]["documents"] > answer["tenants"]["mail"]["documents"] * 2
    assert len(answer["hours"]) == 6
    assert (out / "simulation.png").read_bytes().startswith(PNG)
    assert len((out / "hours.csv").read_text().splitlines()) == 7
    assert len((out / "tenants.csv").read_text().splitlines()) == 3
    assert "Surge: 3 times the arrivals" in (out / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name either --documents-per-year or --documents-per-hour"),
        (("--documents-per-year", "1", "--documents-per-hour", "1"), "name either"),
        (("--documents-per-year", "-1"), "is -1: name a number above 0"),
        (("--documents-per-year", "1e6", "--pool", "A100"), "write PROFILE=N or PROFILE=LEAST"),
        (("--documents-per-year", "1e6", "--pool", "A100=5..2"), "choose a range that rises"),
        (("--documents-per-year", "1e6", "--pool", "Z9=1"), "no profile 'Z9'"),
        (("--documents-per-year", "1e6", "--tenant", "=1"), "write NAME=SHARE"),
        (("--documents-per-year", "1e6", "--tenant", "a=nan"), "'nan' is no number above 0"),
        (("--documents-per-year", "1e6", "--surge", "3"), "write DAY:FACTOR"),
        (("--documents-per-year", "1e6", "--surge", "3:x"), "'x' is no number above 0"),
        (("--documents-per-year", "1e6", "--method", "guess"), "choose documents or aggregate"),
        (("--documents-per-year", "1e6", "--days", "400"), "more than a year"),
    ],
)
def test_simulate_names_what_it_cannot_do(arguments: tuple[str, ...], words: str) -> None:
    """And what to write instead."""
    with pytest.raises(BadUsageError, match=words):
        _run("simulate", *arguments)
