"""LoRA adapters on the real engine: beside the base, beside each other, and when they are bad."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from workers.engine.protocol import EngineAnswer, EngineRequest
from workers.errors import AdapterRefusedError
from workers.models.adapter import Adapter

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary"],
    "properties": {"summary": {"type": "string", "minLength": 20, "maxLength": 60}},
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
    host: Any, adapters: Mapping[str, Adapter]
) -> None:
    """Each on its own weights: three different answers to one question, all of them valid."""

    async def ask_all() -> list[EngineAnswer]:
        chosen = [None, adapters["first"], adapters["second"]]
        runs = [host.engine.generate(_request(f"{n}", chosen[n % 3])) for n in range(6)]
        return list(await asyncio.gather(*runs))

    answers = [json.loads(answer.text)["summary"] for answer in host.call(ask_all())]
    assert len(set(answers[:3])) == 3


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


def test_an_adapter_that_the_engine_was_not_started_with_is_refused(
    host: Any, adapters: Mapping[str, Adapter]
) -> None:
    """There is no room kept for it."""
    stranger = Adapter("stranger", adapters["first"].path, "1" * 64, 8)
    with pytest.raises(AdapterRefusedError, match="started without adapter stranger"):
        host.call(host.engine.generate(_request("stranger", stranger)))
