"""LoRA adapters on the real engine: beside the base, beside each other, and when they are bad."""

from __future__ import annotations

import asyncio
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.adapter_files import RANK, RESIDENTS, write_adapter
from workers.engine.protocol import EngineAnswer, EngineRequest
from workers.errors import AdapterRefusedError
from workers.models.adapter import Adapter, verify_adapter

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

# Thirty characters are 180 tokens at most: a random adapter may write each as `\u0000`.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary"],
    "properties": {"summary": {"type": "string", "minLength": 20, "maxLength": 30}},
}


@pytest.fixture
def host(vllm_host: Any) -> Any:
    """The real engine, running."""
    vllm_host.ensure_running()
    return vllm_host


def _request(request_id: str, adapter: Adapter | None) -> EngineRequest:
    content = "Water came through the ceiling of the archive. Summarize this with JSON."
    return EngineRequest(
        request_id=request_id,
        messages=[{"role": "user", "content": content}],
        schema=SCHEMA,
        max_tokens=300,
        adapter=adapter,
    )


def test_adapters_and_the_base_answer_in_one_batch(
    host: Any, adapters: Mapping[str, Adapter], model_dir: Path, tmp_path: Path
) -> None:
    """Each on its own weights, as when it is asked alone, and whatever the slots hold."""
    chosen = [None, adapters["first"], adapters["second"]]
    alone = [
        host.call(host.engine.generate(_request(f"alone-{n}", one))).text
        for n, one in enumerate(chosen)
    ]
    assert len(set(alone)) == len(chosen)

    third = verify_adapter(write_adapter(tmp_path / "third", model_dir, 90), model_dir, RANK)
    host.call(host.engine.generate(_short_request("third", third)))
    assert len([adapters["first"], adapters["second"], third]) == RESIDENTS, "no room is left"

    async def ask_all() -> list[EngineAnswer]:
        runs = [host.engine.generate(_request(f"{n}", one)) for n, one in enumerate(chosen * 2)]
        return list(await asyncio.gather(*runs))

    assert [answer.text for answer in host.call(ask_all())] == alone * 2


def test_an_adapter_that_the_engine_cannot_load_fails_each_time(
    host: Any, adapters: Mapping[str, Adapter]
) -> None:
    """Also the second time, when vLLM by itself would believe that it is loaded."""
    for number in range(2):
        with pytest.raises(AdapterRefusedError, match="DoRA"):
            host.call(host.engine.generate(_request(f"{number}", adapters["refused"])))
    assert host.call(host.engine.generate(_request("next", None))).finish_reason == "stop"


def test_an_adapter_that_has_vanished_never_reaches_the_engine(
    host: Any, adapters: Mapping[str, Adapter]
) -> None:
    """The engine would die of it."""
    shutil.rmtree(adapters["vanishing"].path)
    with pytest.raises(AdapterRefusedError, match="is gone"):
        host.call(host.engine.generate(_request("vanished", adapters["vanishing"])))
    assert host.call(host.engine.generate(_request("next", None))).finish_reason == "stop"


def test_a_loaded_adapter_outlives_its_directory(
    host: Any, adapters: Mapping[str, Adapter]
) -> None:
    """The adapter is held in memory, even when others are asked for between."""
    before = host.call(host.engine.generate(_request("before", adapters["held"])))
    shutil.rmtree(adapters["held"].path)
    for name in ("first", "second"):
        host.call(host.engine.generate(_request(name, adapters[name])))
    after = host.call(host.engine.generate(_request("after", adapters["held"])))
    assert after.text == before.text


def _short_request(request_id: str, adapter: Adapter | None) -> EngineRequest:
    """A few words, for tests with many requests."""
    return replace(_request(request_id, adapter), schema=None, max_tokens=8)


def test_an_adapter_that_came_after_the_start_is_loaded(
    host: Any, adapters: Mapping[str, Adapter], model_dir: Path, tmp_path: Path
) -> None:
    """No restart: each of many more than there is room for answers on its own weights."""
    made = [
        verify_adapter(write_adapter(tmp_path / f"{n}", model_dir, 20 + n), model_dir, RANK)
        for n in range(2 * RESIDENTS - 1)
    ]

    async def ask_all(rounds: int) -> list[str]:
        requests = [_short_request(f"{rounds}-{n}", one) for n, one in enumerate(made)]
        answers = await asyncio.gather(*map(host.engine.generate, requests))
        return [answer.text for answer in answers]

    first, again = host.call(ask_all(1)), host.call(ask_all(2))
    assert first == again
    assert len(set(first)) > RESIDENTS
    old = host.call(host.engine.generate(_short_request("old", adapters["first"])))
    assert old.text not in first


def test_an_adapter_that_was_pushed_out_and_deleted_never_reaches_the_engine(
    host: Any, adapters: Mapping[str, Adapter], model_dir: Path, tmp_path: Path
) -> None:
    """`generate` on it would end the engine, and every other request with it."""
    doomed = verify_adapter(write_adapter(tmp_path / "doomed", model_dir, 60), model_dir, RANK)
    others = [
        verify_adapter(write_adapter(tmp_path / f"{n}", model_dir, 70 + n), model_dir, RANK)
        for n in range(RESIDENTS)
    ]
    host.call(host.engine.generate(_short_request("there", doomed)))
    for number, other in enumerate(others):
        host.call(host.engine.generate(_short_request(f"other-{number}", other)))
    shutil.rmtree(doomed.path)
    beside = host.engine.generate(_short_request("beside", adapters["first"]))
    gone = host.engine.generate(_request("gone", doomed))

    async def both() -> list[Any]:
        return list(await asyncio.gather(beside, gone, return_exceptions=True))

    answer, error = host.call(both())
    assert isinstance(error, AdapterRefusedError)
    assert answer.text


@pytest.mark.parametrize("change", ["truncated", "swapped", "pickle"])
def test_files_that_changed_after_their_check_never_reach_the_engine(
    host: Any, adapters: Mapping[str, Adapter], model_dir: Path, tmp_path: Path, change: str
) -> None:
    """Not even those that would load: no result would name them."""
    path = write_adapter(tmp_path / "changed", model_dir, 80)
    adapter = verify_adapter(path, model_dir, RANK)
    weights = path / "adapter_model.safetensors"
    match change:
        case "truncated":
            weights.write_bytes(weights.read_bytes()[:-100])
        case "swapped":
            shutil.rmtree(path)
            write_adapter(path, model_dir, 81)
        case "pickle":
            weights.write_bytes(pickle.dumps({"weights": [1.0]}))
    with pytest.raises(AdapterRefusedError, match="changed since"):
        host.call(host.engine.generate(_request(change, adapter)))
    assert host.call(host.engine.generate(_short_request("next", adapters["first"]))).text
