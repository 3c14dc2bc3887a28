"""`docfleet check`: all mistakes of a fleet's files and variables, each with its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docfleet.checking.lines import toml_line, yaml_line
from docfleet.cli import app
from settings.errors import SettingsError
from settings.fleet import load_settings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The shipped fleet's file, with its tasks."""
    shutil.copy(ROOT / "fleet.toml", tmp_path)
    shutil.copytree(ROOT / "tasks", tmp_path / "tasks")
    return tmp_path / "fleet.toml"


def check(fleet: Path) -> tuple[int, list[tuple[str, int | None, str, str]]]:
    """The exit code, and file name, line, path and message of each mistake."""
    done = CliRunner().invoke(app, ["check", "--config", str(fleet), "--json"])
    found = json.loads(done.stdout)
    return done.exit_code, [
        (Path(one["file"]).name, one["line"], one["path"], one["message"]) for one in found
    ]


def change(path: Path, before: str, after: str) -> int:
    """Replace a line's text; return the line's number."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return text[: text.index(before)].count("\n") + 1


def test_the_shipped_fleet_has_no_mistake(fleet: Path) -> None:
    """Nothing needs to run."""
    assert check(fleet) == (0, [])


def test_all_mistakes_are_named_at_once_with_their_lines(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the file, of variables, of tasks, of scorecards, of rules and of adapters."""
    tasks = fleet.parent / "tasks"
    key = change(fleet, "max_model_len =", "max_model_length =")
    rule = change(fleet, 'tasks = ["call-score"]', 'tasks = ["call-skore"]')
    limit = change(tasks / "fnol.yaml", "timeout_seconds:", "timeout_secs:")
    kind = change(tasks / "summary.yaml", "kind: summarization", "kind: summary")
    card = change(tasks / "scorecards" / "call-quality.yaml", "call-hold:", "call-holt:")
    (tasks / "broken.yaml").write_text("name: [\n")
    with (tasks / "document-class.yaml").open("a") as file:
        file.write("adapter: {path: nowhere}\n")
    monkeypatch.setenv("DOCFLEET_LEESE__SECONDS", "3")
    monkeypatch.setenv("DOCFLEET_LEASE__ATTEMPTS", "many")
    code, found = check(fleet)
    assert code == 1
    places = {(file, path): (line, message) for file, line, path, message in found}
    assert len(places) == len(found) == 9
    unknown = "there is no such variable; did you mean `DOCFLEET_LEASE__SECONDS`?"
    assert places["environment", "DOCFLEET_LEESE__SECONDS"] == (None, unknown)
    assert (
        places["fleet.toml or environment", "lease.attempts"][1] == "a whole number is needed here"
    )
    assert places["fleet.toml", "pools.cpu.max_model_length"] == (
        key, "unknown key; did you mean `max_model_len`?",
    )  # fmt: skip
    assert places["fleet.toml", "rules[3].tasks"][0] == rule
    assert "did you mean `call-score`?" in places["fleet.toml", "rules[3].tasks"][1]
    assert places["fnol.yaml", "limits.timeout_secs"][0] == limit
    assert places["summary.yaml", "kind"][0] == kind
    assert places["call-quality.yaml", "indicators.call-holt"][0] == card
    assert places["broken.yaml", "file"][0] == 2
    assert "nowhere is no adapter" in places["document-class.yaml", "adapter.path"][1]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[models.a]\nsource = \n", 2, "Invalid value"),
        ("[models.a]\nsource = 'x'\n[pools.p]\nmodel = 'b'\ngpu = 'CPU'\n", 4, "[models] has: a"),
        ("\napi_key = 'x'\n", 2, "is a secret"),
        ("[[rules]]\ntasks = 'fnol'\n", 2, "a list is needed here"),
    ],
)
def test_a_mistake_of_the_file_has_its_line(fleet: Path, text: str, line: int, words: str) -> None:
    """Whoever finds it: the parser, the settings, or one setting of two that do not fit."""
    fleet.write_text(text)
    _, found = check(fleet)
    assert [(one[1], words in one[3]) for one in found] == [(line, True)]


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    """And so is the folder of tasks that it would name."""
    _, found = check(tmp_path / "fleet.toml")
    assert [one[0] for one in found] == ["fleet.toml", "tasks"]


def test_a_misspelt_variable_ends_every_command(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is ignored would be believed in."""
    monkeypatch.setenv("DOCFLEET_CALLBACK_ULR", "https://claims.example")
    with pytest.raises(SettingsError, match=r"did you mean DOCFLEET_CALLBACK_URL\?"):
        load_settings(fleet)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DOCFLEET_API_PORT", "tcp://10.0.0.7:80"),
        ("DOCFLEET_API_PORT_80_TCP_ADDR", "10.0.0.7"),
        ("DOCFLEET_REDIS_SERVICE_HOST", "10.0.0.8"),
        ("DOCFLEET_API_KEY_FILE", "/dev/null"),
        ("DOCFLEET_POOLS__CPU__ENGINE__DTYPE", "float32"),
        ("DOCFLEET_TENANTS__ACME__MAX_QUEUED", "7"),
    ],
)
def test_variables_that_others_set_are_left_alone(
    fleet: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Kubernetes names services so; and these of docfleet exist."""
    monkeypatch.setenv(variable, value)
    _, found = check(fleet)
    assert [one for one in found if "no such variable" in one[3]] == []


def test_lines_are_found_in_nested_tables_and_lists() -> None:
    """A key inside of a value has the line of that value."""
    toml = 'a = 1\n[t."x.y"]\nk.l = 2\n[[r]]\nb = 1\n[[r]]\nb = [\n  {c = 1},\n]\n'
    for place, line in (
        (("a",), 1), (("t", "x.y", "k", "l"), 3), (("r", 0, "b"), 5), (("r", 1, "b", 0, "c"), 7),
        (("r", 1, "z"), 6), (("z",), None),
    ):  # fmt: skip
        assert toml_line(toml, place) == line, place
    text = "a:\n  - b: 1\n  - b: 2\n    c: {d: 3}\n"
    for place, line in ((("a", 1, "c", "d"), 4), (("a", 0, "b"), 2), (("a", 9), 1), ((), 1)):
        assert yaml_line(text, place) == line, place
