"""The adapters that ship beside the tasks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from adapters.verification import verify_adapter
from settings.sections.tasks import load_tasks

ROOT = Path(__file__).parents[3]
TASKS = load_tasks(ROOT / "tasks")
FOLDER = ROOT / "tasks" / "adapters"
ADAPTERS = sorted(path.parent.name for path in FOLDER.glob("*/adapter_config.json"))
MOST_BYTES = 4_000_000


def test_there_are_adapters() -> None:
    """The tests below have something to look at."""
    assert ADAPTERS == ["document-class", "fnol"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_small_and_sound(name: str) -> None:
    """Held against no base here: the acceptance tests load it."""
    found = verify_adapter(FOLDER / name, None, max_rank=16)
    assert found.size < MOST_BYTES
    config = json.loads((FOLDER / name / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_says_how_it_came_about(name: str) -> None:
    """For the version of the task that ships, with its seed and the curve of its last step."""
    told = json.loads((FOLDER / name / "training.json").read_text())
    assert told["task"] == f"{name}@{TASKS[name].version}"
    with (FOLDER / name / "curves.csv").open(newline="") as file:
        *_, last = csv.DictReader(file)
    assert int(float(last["step"])) == told["steps"]
    assert f"--seed {told['seed']}" in (FOLDER / "README.md").read_text()
