"""Running engines for the contract tests, and adapters for the real one."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest

from adapters.config import ADAPTER_CONFIG, WEIGHTS
from adapters.safetensors import digest
from settings.sections.limits import LimitSettings
from settings.sections.pools import PoolSettings
from tests.fixtures.adapter_files import RANK, RESIDENTS, write_adapter
from workers.engine.protocol import Engine, EngineRequest
from workers.engine.scripted.engine import ScriptedEngine
from workers.engine.vllm.engine import VllmEngine
from workers.errors import EngineDiedError
from workers.models.adapter import Adapter, verify_adapter
from workers.runtime.event_loop import LoopThread

_T = TypeVar("_T")

SLOTS = 3
CONTEXT = 4096


class EngineHost:
    """An engine on a loop thread of its own, as a worker holds it."""

    def __init__(
        self,
        engine: Engine,
        thread: LoopThread,
        *,
        kill: Callable[[EngineHost], None],
        hang: Callable[[EngineHost], None],
    ) -> None:
        self.engine = engine
        self._thread = thread
        self._kill = kill
        self._hang = hang
        self._running = False

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the engine's loop."""
        return self._thread.call(work)

    def ensure_running(self) -> None:
        """Start it, unless it runs."""
        if not self._running:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch deprecates what vLLM uses
                self.call(self.engine.start())
            self._running = True

    def kill(self) -> None:
        """End it as a crash would."""
        self._kill(self)
        self._running = False

    def hang(self) -> None:
        """Make the engine stop answering; the caller has to end it."""
        self._hang(self)
        self._running = False

    def stop(self) -> None:
        """End it in order."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # vLLM leaves its zmq context open
            self.call(self.engine.stop())
            gc.collect()
        self._running = False


def _kill_processes(_: EngineHost) -> None:
    for core in _cores():
        core.kill()


def _stop_processes(_: EngineHost) -> None:
    for core in _cores():
        assert core.pid is not None
        os.kill(core.pid, signal.SIGSTOP)


def _cores() -> list[multiprocessing.process.BaseProcess]:
    children = multiprocessing.active_children()
    cores = [child for child in children if child.name.startswith("EngineCore")]
    assert cores, "no engine process was found"
    return cores


def _kill_by_document(host: EngineHost) -> None:
    with pytest.raises(EngineDiedError):
        host.call(host.engine.generate(_faulty("engine-dies")))


def _hang_by_document(host: EngineHost) -> None:
    async def ask() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(host.engine.generate(_faulty("engine-hangs")), 0.2)

    host.call(ask())


def _faulty(fault: str) -> EngineRequest:
    return EngineRequest(
        request_id=fault,
        messages=[{"role": "user", "content": f"docfleet-fault: {fault}"}],
        schema=None,
        max_tokens=10,
    )


@pytest.fixture(scope="session")
def scripted_host() -> Iterator[EngineHost]:
    """The scripted engine, slow enough to be met in the middle of an answer."""
    engine = ScriptedEngine("scripted", seconds_per_token=0.002, max_model_len=CONTEXT, slots=SLOTS)
    with LoopThread() as thread:
        host = EngineHost(engine, thread, kill=_kill_by_document, hang=_hang_by_document)
        yield host
        host.stop()


@pytest.fixture(scope="session")
def vllm_host(
    vllm: ModuleType,  # noqa: ARG001  # skips where it is missing
    model_dir: Path,
    adapters: Mapping[str, Adapter],
) -> Iterator[EngineHost]:
    """The real engine, started once."""
    pool = PoolSettings(
        model="smollm2",
        gpu="CPU",
        concurrency=SLOTS,
        max_model_len=CONTEXT,
        engine={"enforce_eager": True, "max_cpu_loras": RESIDENTS},
    )
    limits = LimitSettings(grammar_cpu_seconds=5)
    engine = VllmEngine(model_dir, "tests", pool, list(adapters.values()), limits)
    with LoopThread() as thread:
        host = EngineHost(engine, thread, kill=_kill_processes, hang=_stop_processes)
        yield host
        host.stop()


@pytest.fixture(params=["scripted", "vllm"])
def host(request: pytest.FixtureRequest) -> Any:
    """Each engine in turn, running."""
    host = request.getfixturevalue(f"{request.param}_host")
    host.ensure_running()
    return host


@pytest.fixture(scope="session")
def adapters(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Adapter]:
    """Adapters of random weights: sound ones, and one whose config the engine refuses."""
    folder = tmp_path_factory.mktemp("adapters")
    made = {
        name: verify_adapter(write_adapter(folder / name, model_dir, seed), model_dir, RANK)
        for seed, name in enumerate(["first", "second", "vanishing", "held"])
    }
    refused = write_adapter(folder / "refused", model_dir, 9, use_dora=True)
    sha256 = digest([refused / ADAPTER_CONFIG, refused / WEIGHTS])
    return {**made, "refused": Adapter("refused-0", refused, sha256, RANK)}
