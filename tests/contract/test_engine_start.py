"""Errors of the real engine when it cannot start: one clear sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from settings.sections.pools import PoolSettings
from workers.engine.vllm.engine import VllmEngine
from workers.errors import EngineDiedError, EngineStartError
from workers.runtime.event_loop import LoopThread

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("vllm"),
]


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    """A loop to start engines on."""
    with LoopThread() as thread:
        yield thread


def _engine(model_dir: Path, gpu: str = "CPU", **changes: Any) -> VllmEngine:
    engine = {"enforce_eager": True, **changes.pop("engine", {})}
    return VllmEngine(
        model_dir,
        "small",
        PoolSettings(model="smollm2", gpu=gpu, concurrency=2, engine=engine, **changes),
    )


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"max_num_seq": 4}, r"pools\.small\.engine\.max_num_seq.*did you mean `max_num_seqs`\?"),
        ({"xyzzy": 1}, r"pools\.small\.engine\.xyzzy: vLLM has no engine argument `xyzzy`\."),
        ({"model": "other"}, r"pools\.small\.engine\.model: this is set by .*\[models\]"),
        ({"load_format": "bfloat61"}, r"pools\.small: vLLM cannot start smollm2: .*bfloat61"),
    ],
)
def test_a_wrong_engine_argument_is_named(
    thread: LoopThread, model_dir: Path, engine: dict[str, Any], words: str
) -> None:
    """With the place in the settings where it stands."""
    with pytest.raises(EngineStartError, match=words) as caught:
        thread.call(_engine(model_dir, engine=engine).start())
    assert "\n" not in str(caught.value)


def test_a_directory_without_a_model_is_named(thread: LoopThread, tmp_path: Path) -> None:
    """Before anything is loaded."""
    with pytest.raises(EngineStartError, match="holds no model"):
        thread.call(_engine(tmp_path).start())


def test_a_missing_gpu_is_said(thread: LoopThread, model_dir: Path, vllm: ModuleType) -> None:
    """A pool for a GPU does not quietly run on the CPU."""
    platform = pytest.importorskip(f"{vllm.__name__}.platforms").current_platform
    if not platform.is_cpu():
        pytest.skip("this vLLM is not the one for CPUs")
    with pytest.raises(EngineStartError, match=r"pool is for T4.*sees only the CPU"):
        thread.call(_engine(model_dir, gpu="T4").start())


def test_a_context_beyond_the_models_is_said(thread: LoopThread, model_dir: Path) -> None:
    """Vllm's own words, without its documentation links."""
    with pytest.raises(EngineStartError, match="max_model_len") as caught:
        thread.call(_engine(model_dir, max_model_len=100_000).start())
    assert "\n" not in str(caught.value)


def test_a_cache_too_small_for_one_request_is_said(thread: LoopThread, model_dir: Path) -> None:
    """The cause is in the log of another process; the message has it all the same."""
    engine = _engine(model_dir, engine={"kv_cache_memory_bytes": 2**26})
    with pytest.raises(EngineStartError, match=r"max seq len \(8192\).*KV cache"):
        thread.call(engine.start())
    with pytest.raises(EngineStartError, match="not been started"):
        _ = engine.version
    thread.call(engine.stop())


def test_an_engine_that_was_never_started_answers_nothing(
    thread: LoopThread, model_dir: Path
) -> None:
    """And can be stopped."""
    engine = _engine(model_dir)
    with pytest.raises(EngineDiedError):
        thread.call(engine.generate(None))  # type: ignore[arg-type]  # never looked at
    thread.call(engine.stop())
