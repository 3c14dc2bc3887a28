"""The configuration: what is read, what wins, and what errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.errors import SettingsError
from settings.fleet import load_settings
from settings.sections.tasks import load_task, load_tasks

ROOT = Path(__file__).parents[3]

SIGNING = "whsec_" + "a" * 64
OTHER_SIGNING = "whsec_" + "b" * 64
TLS = "[callbacks]\nhttps_only = true\n"
GOOD = """
[models.m]
source = "/models/m"

[pools.gpu]
model = "m"
gpu = "A100-80GB"
"""


@pytest.fixture
def write(tmp_path: Path) -> Path:
    """A folder for one fleet.toml."""
    return tmp_path / "fleet.toml"


def test_the_shipped_file_is_valid() -> None:
    """A clone runs as it is."""
    settings = load_settings(ROOT / "fleet.toml")
    assert settings.pools["cpu"].slots == 4
    assert settings.tasks_dir == ROOT / "tasks"


def test_a_pool_takes_the_tuned_concurrency_of_its_gpu_unless_told(write: Path) -> None:
    """An A100 with 80 GB holds 32 requests."""
    write.write_text(GOOD)
    assert load_settings(write).pools["gpu"].slots == 32
    write.write_text(GOOD + "concurrency = 7\n")
    assert load_settings(write).pools["gpu"].slots == 7


def test_the_environment_wins_over_the_file(write: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested keys are joined by two underscores."""
    write.write_text(GOOD + "concurrency = 7\n")
    monkeypatch.setenv("DOCFLEET_POOLS__GPU__CONCURRENCY", "9")
    monkeypatch.setenv("DOCFLEET_INCOMING_BUCKET", "drops")
    settings = load_settings(write)
    assert (settings.pools["gpu"].slots, settings.incoming_bucket) == (9, "drops")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[pools.gpu]\nmodell = 'm'\ngpu = 'T4'", r"pools\.gpu\.modell: unknown key"),
        ("colour = 1", "colour: unknown key"),
        (GOOD.replace('"m"\ngpu', '"n"\ngpu'), r"pools\.gpu\.model is 'n'; \[models\] has: m"),
        (GOOD.replace("A100-80GB", "other"), "no tuned concurrency is known for gpu 'other'"),
        (GOOD.replace("A100-80GB", "H10O"), r"pools\.gpu\.gpu: .*Did you mean 'H100-80GB'\?"),
        (GOOD + "[pools.gpu.engine]\nquantization = 'nonsense'", r"pools\.gpu: engine\.quant"),
        (GOOD + "max_model_len = 'long'", r"pools\.gpu\.max_model_len: Input should be"),
        ("api_key = 'x'", "DOCFLEET_API_KEY in the environment"),
        ("[pools", "cannot be read"),
        ("[lease]\nseconds = 2\nheartbeat_seconds = 2", "at least twice"),
        ("results_bucket = 'incoming'", "incoming_bucket is 'incoming', which is the results"),
        ("[[rules]]\nbucket = 'work'\ntasks = ['fnol']", "rules.0.bucket is 'work'.*come back"),
        ("[[rules]]\nmanifest = 'a/*'\ntasks = ['fnol']", r"rules\.0\.manifest: String should"),
        ("callback_url = 'https://eve@claims.example/'", "callback_url: name no user"),
        ("callback_url = 'nonsense'", "callback_url: Input should be a valid URL"),
        (f"callback_url = 'http://a.example/'\n{TLS}", "callback_url has no TLS"),
        (
            f"{TLS}[[rules]]\ncallback = 'http://a.example/'\ntasks = ['fnol']",
            "rules.0.call",
        ),
        ("[[rules]]\nlisting = 'new'\ntasks = ['fnol']", r"rules\.0\.listing: .*'by-name'"),
    ],
)
def test_a_bad_file_is_an_error_that_names_the_key_and_the_file(
    write: Path, content: str, said: str
) -> None:
    """The error names the fault and its place, in one line."""
    write.write_text(content)
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings(write)
    assert str(write) in str(caught.value)


@pytest.mark.parametrize(
    "secret", ["whsec_...", "mysecret", "whsec_c2hvcnQ=", f"{SIGNING},whsec_..", f"{SIGNING},"]
)
def test_a_secret_that_cannot_sign_is_refused(
    write: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """Before the first delivery fails of it."""
    write.write_text(GOOD)
    monkeypatch.setenv("DOCFLEET_CALLBACK_SECRET", secret)
    with pytest.raises(SettingsError, match="whsec_"):
        load_settings(write)


def test_the_operators_secret_is_replaced_by_putting_the_new_one_first(
    write: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them signs; without any, nothing does."""
    write.write_text(GOOD)
    with pytest.raises(SettingsError, match="DOCFLEET_CALLBACK_SECRET"):
        load_settings(write).callback_secrets()
    monkeypatch.setenv("DOCFLEET_CALLBACK_SECRET", f"{OTHER_SIGNING}, {SIGNING}")
    assert load_settings(write).callback_secrets() == (OTHER_SIGNING, SIGNING)


def test_a_pool_is_the_first_of_the_file_unless_one_is_named(write: Path) -> None:
    """An unknown one is an error that lists the known."""
    write.write_text(GOOD + GOOD.partition("[pools")[2].join(["[pools", ""]).replace("gpu]", "t4]"))
    settings = load_settings(write)
    assert [settings.pool()[0], settings.pool("t4")[0]] == ["gpu", "t4"]
    with pytest.raises(SettingsError, match="'l4'; the fleet's file has: gpu, t4"):
        settings.pool("l4")


def test_a_missing_file_says_how_to_name_one(write: Path) -> None:
    """The error tells of --config."""
    with pytest.raises(SettingsError, match="--config"):
        load_settings(write)


TASK = """
name: t
version: 1
kind: extraction
instructions: Name the insured.
output_schema:
  type: object
  properties: {insured: {type: string, maxLength: 40}}
"""


def test_a_task_file_becomes_a_task(tmp_path: Path) -> None:
    """An adapter's path is relative to the file's folder."""
    path = tmp_path / "t.yaml"
    path.write_text(TASK + "adapter: {path: ../adapters/t}\n")
    task = load_task(path)
    assert (task.name, task.version) == ("t", "1")
    assert task.adapter is not None
    assert task.adapter.path == (tmp_path.parent / "adapters" / "t").resolve()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("maxLength: 40", "format: iban", "#/properties/insured/format"),
        ("maxLength: 40", 'pattern: "(?=a)"', "lookahead"),
        ("maxLength: 40", 'maxLength: 4, pattern: "a"', "not both"),
        ("type: string", "type: strin", "#/properties/insured"),
        ("type: string, maxLength: 40", "$ref: http://x/y", "not one of this schema's own"),
        ("type: string, maxLength: 40", "type: array, uniqueItems: true", "uniqueItems"),
        ("type: object", "type: array", "outermost type must be"),
        ("kind: extraction", "kind: magic", "kind"),
        ("name: t", "name: T t", "name"),
        ("version: 1", "versoin: 1", "versoin|version"),
        ("name: t", "name: [", "cannot be read"),
    ],
)
def test_a_bad_task_is_an_error_that_names_the_file_and_the_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """A schema that the engine cannot follow is refused when the file is loaded."""
    path = tmp_path / "t.yaml"
    path.write_text(TASK.replace(old, new))
    with pytest.raises(SettingsError, match=said) as caught:
        load_task(path)
    assert str(path) in str(caught.value)


def test_two_files_cannot_hold_one_task(tmp_path: Path) -> None:
    """The second one is named."""
    (tmp_path / "a.yaml").write_text(TASK)
    (tmp_path / "b.yaml").write_text(TASK)
    with pytest.raises(SettingsError, match=r"b\.yaml.*already"):
        load_tasks(tmp_path)


def test_a_bucket_is_listed_seldom_where_queues_carry_its_events(write: Path) -> None:
    """Listing stays the guarantee; it is no longer what makes a drop quick."""
    write.write_text(GOOD)
    assert load_settings(write).watch.list_seconds == 5
    write.write_text(GOOD + "[watch]\nqueues = ['https://sqs.eu-west-1.amazonaws.com/1/drops']\n")
    assert load_settings(write).watch.list_seconds == 300
    write.write_text(GOOD + "[watch]\nqueues = ['https://q']\nlist_seconds = 60\n")
    assert load_settings(write).watch.list_seconds == 60
