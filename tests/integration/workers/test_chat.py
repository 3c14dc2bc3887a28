"""Chat jobs through the stage infer, on a real ledger and a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.failure import FailureCode
from schemas.states import JobState
from settings.fleet import FleetSettings
from tests.fixtures.infer_scene import InferScene
from tests.fixtures.waiting import until
from workers.errors import EngineDiedError, RequestFailedError

CLAIM = {"role": "user", "content": "Hail broke two skylights. What broke?"}
SCHEMA = {
    "type": "object",
    "properties": {"thing": {"type": "string", "maxLength": 20}},
    "required": ["thing"],
    "additionalProperties": False,
}
GUIDED = {"type": "json_schema", "json_schema": {"name": "loss", "strict": True, "schema": SCHEMA}}


def _titled(title: str) -> dict[str, Any]:
    """A response format like any other, but with a title of its own."""
    named = {"name": "loss", "schema": {**SCHEMA, "title": title}}
    return {"type": "json_schema", "json_schema": named}


@pytest.fixture
async def scene(settings: FleetSettings) -> AsyncIterator[InferScene]:
    """A worker of the only pool."""
    scene = InferScene(settings)
    await scene.restart()
    yield scene
    await scene.close()


async def _completion(scene: InferScene, job_id: str) -> Any:
    return (await scene.result(job_id)).tasks["chat"].data


async def test_a_chat_comes_back_as_a_completion_in_its_result(scene: InferScene) -> None:
    """One task of kind chat, whose data is the body that OpenAI would have sent."""
    job_id = await scene.chat({"messages": [CLAIM]})
    await scene.run(job_id)
    job = await scene.state(job_id)
    assert (job.state, job.tasks, job.stage) == (JobState.SUCCEEDED, ("chat",), "infer")
    body = await _completion(scene, job_id)
    assert body["object"] == "chat.completion"
    assert body["model"] == "smollm2"
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"] == {
        "role": "assistant",
        "content": "Hail broke two skylights. What broke?",
        "refusal": None,
    }
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


async def test_a_guided_chat_answers_with_json_that_its_schema_allows(scene: InferScene) -> None:
    """A chat is guided like a task."""
    job_id = await scene.chat({"messages": [CLAIM], "response_format": GUIDED})
    await scene.run(job_id)
    content = (await _completion(scene, job_id))["choices"][0]["message"]["content"]
    assert json.loads(content) == {"thing": "Hail broke two skyli"}


async def test_an_answer_that_was_cut_off_is_a_completion_that_says_so(scene: InferScene) -> None:
    """`length` is what was asked for, not a failure."""
    job_id = await scene.chat(
        {"messages": [CLAIM], "max_tokens": 3, "response_format": GUIDED, "temperature": None}
    )
    await scene.run(job_id)
    body = await _completion(scene, job_id)
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stream": True}, "streaming is not served"),
        ({"tools": []}, "`tools` is not served"),
        ({"n": 2}, "`n`"),
        ({"logprobs": True}, "`logprobs`"),
        ({"messages": []}, "`messages`"),
        ({"model": "gpt-9"}, "no model 'gpt-9'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0"),
    ],
)
async def test_what_is_not_served_is_a_dead_letter_that_names_it(
    scene: InferScene, changes: dict[str, Any], words: str
) -> None:
    """Nothing that would change the answer is ignored, and the engine is not asked."""
    job_id = await scene.chat({"messages": [CLAIM], **changes})
    await scene.run(job_id)
    failure = (await scene.state(job_id)).failure
    assert failure is not None
    assert failure.code is FailureCode.REQUEST_INVALID
    assert words in failure.message
    assert scene.engine.asked == []


async def test_a_schema_that_the_engine_cannot_afford_is_a_dead_letter_that_names_its_place(
    scene: InferScene,
) -> None:
    """The schema was tried outside of the engine, which gets no request."""
    scene.engine.schema_problems["acme"] = "#/properties/thing: it takes too long"
    job_id = await scene.chat({"messages": [CLAIM], "response_format": _titled("acme")})
    await scene.run(job_id)
    failure = (await scene.state(job_id)).failure
    assert failure is not None
    assert failure.code is FailureCode.REQUEST_INVALID
    assert "`response_format`: #/properties/thing: it takes too long" in failure.message
    assert scene.engine.asked == []


async def test_a_job_that_waits_for_others_of_its_tenant_goes_back_uncharged(
    scene: InferScene,
) -> None:
    """Its place is free for another tenant meanwhile."""
    first, second = [
        await scene.chat({"messages": [CLAIM], "response_format": _titled(f"{n}")})
        for n in range(2)
    ]
    scene.engine.trial.clear()
    running = asyncio.create_task(scene.run(first))
    await until(lambda: scene.engine.tried)
    await scene.run(second)
    job = await scene.state(second)
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert job.due_at is not None
    scene.engine.trial.set()
    await running
    assert (await scene.state(first)).state is JobState.SUCCEEDED


async def test_an_answer_that_its_schema_does_not_allow_is_kept_and_not_returned(
    scene: InferScene,
) -> None:
    """The engine is trusted no more than for tasks."""
    message = {"role": "user", "content": "What broke?\ndocfleet-fault: invalid-output"}
    job_id = await scene.chat({"messages": [message], "response_format": GUIDED})
    await scene.run(job_id)
    job = await scene.state(job_id)
    assert job.failure is not None
    assert job.failure.code is FailureCode.OUTPUT_INVALID
    assert job.kept_uri is not None


async def test_a_chat_that_failed_for_a_while_is_tried_again(scene: InferScene) -> None:
    """A request that fails waits and succeeds; an engine's death makes it a suspect."""
    scene.engine.trouble["chat"] = [
        RequestFailedError("Once."),
        EngineDiedError("It died.", out_of_memory=True),
    ]
    job_id = await scene.chat({"messages": [CLAIM]})
    await scene.run(job_id)
    assert (await scene.state(job_id)).state is JobState.WAITING
    await scene.until(lambda job: job.state is JobState.QUEUED, job_id)
    await scene.run(job_id)
    assert scene.deaths == 1
    await scene.restart()
    await scene.run(job_id)
    job = await scene.state(job_id)
    assert job.state is JobState.SUCCEEDED
    assert [entry.charged for entry in job.history] == [True, False]
