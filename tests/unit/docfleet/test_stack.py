"""The layout of a local stack: which parts, how they are started, what they are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from docfleet.processes.part import Part
from docfleet.stack.layout import LocalStack, local_stack
from docfleet.stack.options import StackOptions
from docfleet.stack.record import PartRow
from docfleet.stack.state_dir import StateDir
from settings.environment import CONNECTION_VARIABLES
from settings.errors import SettingsError
from settings.fleet import load_settings
from workers.engine_kind import EngineKind

CONFIG = Path(__file__).parents[3] / "fleet.toml"
OPTIONS = StackOptions(config=CONFIG)


def lay_out(state_dir: Path, options: StackOptions = OPTIONS) -> LocalStack:
    """A stack that is not started."""
    state = StateDir(state_dir)
    with state.held():
        return local_stack(load_settings(options.config), state, options)


def parts_of(stack: LocalStack) -> dict[str, Part]:
    """By name."""
    return {part.name: part for layer in stack.layers for part in layer}


def words_of(part: Part) -> list[str]:
    """Return the words after the command's name."""
    return list(part.argv[part.argv.index("docfleet") + 1 :])


def test_stack_has_every_role_once(tmp_path: Path) -> None:
    """Servers first, workers last."""
    layers = [[part.roles for part in layer] for layer in lay_out(tmp_path).layers]
    assert layers == [
        [("redis",), ("s3",)],
        [("api",), ("watch",)],
        [("prepare", "deliver", "batch"), ("infer",)],
    ]


def test_own_parts_are_started_as_the_command(tmp_path: Path) -> None:
    """Each reads the same file."""
    stack = lay_out(tmp_path)
    parts = parts_of(stack)
    config = ["--config", str(CONFIG)]
    assert words_of(parts["prepare-deliver"]) == ["worker", "prepare", "deliver", "batch", *config]
    infer = ["worker", "infer", "--pool", "cpu", "--engine", "vllm", *config]
    assert words_of(parts["infer-1"]) == infer
    port = stack.environment["DOCFLEET_API_URL"].rpartition(":")[2]
    assert words_of(parts["api"]) == ["api", "--port", port, *config]


def test_own_parts_reach_the_servers(tmp_path: Path) -> None:
    """By the variables that `docfleet env` prints, and a few more."""
    stack = lay_out(tmp_path)
    assert set(CONNECTION_VARIABLES) - set(stack.environment) == {"DOCFLEET_CALLBACK_URL"}
    for part in (part for layer in stack.layers[1:] for part in layer):
        told = part.environment
        assert stack.environment.items() <= told.items()
        assert told["DOCFLEET_WORK_BUCKET"] == "work"
        assert told["DOCFLEET_EVENTS_TOKEN"] == StateDir(tmp_path).secrets().events_token
        assert told["DOCFLEET_STATE_DIR"] == str(tmp_path)


def test_users_other_object_store_does_not_reach_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's AWS profile must neither be used nor get in the way; proxies neither."""
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "theirs")
    monkeypatch.setenv("NO_PROXY", "internal")
    monkeypatch.setenv("HF_HOME", "/models")
    told = parts_of(lay_out(tmp_path))["infer-1"].environment
    assert not told.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN"}
    assert told["NO_PROXY"] == "internal,127.0.0.1,localhost"
    assert told["HF_HOME"] == "/models"


def test_callback_of_the_environment_reaches_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The callback is the default of every job."""
    monkeypatch.setenv("DOCFLEET_CALLBACK_URL", "http://127.0.0.1:1/hook")
    monkeypatch.setenv("DOCFLEET_CALLBACK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = parts_of(lay_out(tmp_path))["watch"].environment
    assert told["DOCFLEET_CALLBACK_URL"] == "http://127.0.0.1:1/hook"
    assert told["DOCFLEET_CALLBACK_SECRET"] == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_api_key_of_the_environment_is_the_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key of the user's own wins over the one that was made up."""
    monkeypatch.setenv("DOCFLEET_API_KEY", "mine")
    assert lay_out(tmp_path).environment["DOCFLEET_API_KEY"] == "mine"


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_infer_workers_are_as_many_as_asked_for(tmp_path: Path, workers: int) -> None:
    """None at all is a stack too."""
    stack = lay_out(tmp_path, replace(OPTIONS, infer_workers=workers))
    assert [part.name for part in stack.layers[2]][1:] == [
        f"infer-{number}" for number in range(1, workers + 1)
    ]


def test_concurrency_is_what_a_worker_reads_from_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option wins over the file, and the pool keeps what else the file says."""
    stack = lay_out(tmp_path, replace(OPTIONS, concurrency=7))
    for name, value in parts_of(stack)["infer-1"].environment.items():
        monkeypatch.setenv(name, value)
    pool = load_settings(CONFIG).pools["cpu"]
    assert pool.slots == 7
    assert pool.model == "smollm2"


def test_scripted_engine_cannot_be_taken_for_the_real_one(tmp_path: Path) -> None:
    """The scripted engine has a note of its own; the real one has none."""
    scripted = lay_out(tmp_path, replace(OPTIONS, engine=EngineKind.SCRIPTED))
    part = parts_of(scripted)["infer-1"]
    assert part.argv[part.argv.index("--engine") + 1] == "scripted"
    row = PartRow(role="infer", pid=1, state="ready", restarts=0, note=part.note)
    assert "SCRIPTED" in row.shown()["note"]
    real = parts_of(lay_out(tmp_path))["infer-1"]
    assert not real.note


def test_workers_have_time_to_drain(tmp_path: Path) -> None:
    """The supervisor waits longer than a worker takes."""
    drain = load_settings(CONFIG).lease.drain_seconds
    stack = lay_out(tmp_path)
    assert all(part.stop_seconds > drain + 4 for part in stack.layers[2])


def test_unknown_pool_is_refused(tmp_path: Path) -> None:
    """The error names those that there are."""
    with pytest.raises(SettingsError, match="'moon'; the fleet's file has: cpu"):
        lay_out(tmp_path, replace(OPTIONS, pool="moon"))


def test_each_part_of_our_own_serves_metrics_on_a_port_of_its_own(tmp_path: Path) -> None:
    """The stack lists them; the API's are on the port that it has anyway."""
    stack = lay_out(tmp_path, replace(OPTIONS, infer_workers=2))
    parts = parts_of(stack)
    assert stack.metrics.keys() == {"api", "watch", "prepare-deliver", "infer-1", "infer-2"}
    assert len(set(stack.metrics.values())) == len(stack.metrics)
    assert stack.environment["DOCFLEET_API_URL"] == f"http://{stack.metrics['api']}"
    for name in stack.metrics.keys() - {"api"}:
        told = parts[name].environment
        host, port = told["DOCFLEET_METRICS_HOST"], told["DOCFLEET_METRICS_PORT"]
        assert stack.metrics[name] == f"{host}:{port}"


def test_deliveries_reach_no_server_of_the_stack_and_nothing_on_this_machine_by_default(
    tmp_path: Path,
) -> None:
    """Another tenant's documents lie behind one of these ports."""
    stack = lay_out(tmp_path, replace(OPTIONS, infer_workers=2))
    told = parts_of(stack)["prepare-deliver"].environment
    assert json.loads(told["DOCFLEET_CALLBACKS__ALLOW_NETWORKS"]) == []
    ports: dict[str, int] = json.loads((tmp_path / "ports.json").read_text())
    grpc = {port + 10_000 for name, port in ports.items() if name.startswith("s3")}
    own = json.loads(told["DOCFLEET_CALLBACKS__OWN_PORTS"])
    assert {*ports.values(), *grpc} == set(own)


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("http://127.0.0.1:9123/hook", ["10.0.0.0/8:443", "127.0.0.1:9123"]),
        ("http://localhost:9123/hook", ["10.0.0.0/8:443", "127.0.0.1:9123", "[::1]:9123"]),
        ("http://[::1]/hook", ["10.0.0.0/8:443", "[::1]:80"]),
        ("http://10.1.2.3:9123/hook", ["10.0.0.0/8:443"]),
        ("https://claims.example/hook", ["10.0.0.0/8:443"]),
    ],
)
def test_the_default_callback_opens_its_own_port_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, opened: list[str]
) -> None:
    """The user of the stack named this receiver; any other receiver here has to be named too."""
    monkeypatch.setenv("DOCFLEET_CALLBACK_URL", url)
    monkeypatch.setenv("DOCFLEET_CALLBACKS__ALLOW_NETWORKS", '["10.0.0.0/8:443"]')
    told = parts_of(lay_out(tmp_path))["prepare-deliver"].environment
    assert json.loads(told["DOCFLEET_CALLBACKS__ALLOW_NETWORKS"]) == opened
