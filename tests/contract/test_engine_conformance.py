"""The suite of the protocol in workers/engine/protocol.py, run on every engine."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.json_schema.guidable import check_guidable
from workers.engine.protocol import EngineAnswer, EngineRequest, Sampling
from workers.errors import EngineDiedError, PromptTooLongError, RequestRefusedError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

DOCUMENT = "Claim C-1042. Insured: Ada Byron. Water damage on 2026-03-04, about $12,500.\n\n"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["claim", "kind", "loss", "parties", "reported"],
    "properties": {
        "claim": {"type": "string", "maxLength": 12},
        "kind": {"enum": ["water", "fire", "other"]},
        "loss": {"type": "number", "minimum": 0, "maximum": 100_000},
        "parties": {
            "type": "array",
            "items": {"type": "string", "maxLength": 20},
            "minItems": 1,
            "maxItems": 2,
        },
        "reported": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    },
}


def _request(request_id: str, **changes: Any) -> EngineRequest:
    arguments: dict[str, Any] = {
        "request_id": request_id,
        "messages": [
            {"role": "system", "content": "You read documents and answer with JSON."},
            {"role": "user", "content": f"{DOCUMENT}What was the loss? Answer with JSON."},
        ],
        "schema": SCHEMA,
        "max_tokens": 200,
        **changes,
    }
    return EngineRequest(**arguments)


def _digits(request_id: str, count: int) -> EngineRequest:
    """A request whose answer takes at least two tokens a digit."""
    digits = {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 9},
        "minItems": count,
        "maxItems": count,
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["digits"],
        "properties": {"digits": digits},
    }
    return _request(request_id, schema=schema, max_tokens=2 * count + 100)


def test_the_tokens_of_an_answer_spell_it_and_have_probabilities(host: Any) -> None:
    """Confidence counts what the engine could choose, within the grammar."""
    answer: EngineAnswer = host.call(host.engine.generate(_request("tokens", with_tokens=True)))
    assert "".join(token.text for token in answer.tokens).startswith(answer.text)
    assert len(answer.tokens) >= answer.usage.output_tokens - 1
    assert all(token.logprob <= 0 for token in answer.tokens)
    assert max(token.logprob for token in answer.tokens) == pytest.approx(0, abs=1e-2)
    assert host.call(host.engine.generate(_request("plain"))).tokens == ()


def test_a_started_engine_says_what_it_is(host: Any) -> None:
    """Each result names the engine, its version and the weights."""
    version = host.engine.version
    assert version.version
    assert version.model in {"smollm2", "scripted"}
    assert re.fullmatch(r"[0-9a-f]{64}", version.model_sha256)


def test_a_guided_answer_satisfies_its_schema(host: Any) -> None:
    """Compact JSON, valid against the schema, with the tokens counted."""
    check_guidable(SCHEMA)
    answer = host.call(host.engine.generate(_request("guided")))
    assert answer.finish_reason == "stop"
    Draft202012Validator(SCHEMA).validate(json.loads(answer.text))
    assert not re.search(r"[:\[{]\s", re.sub(r'"[^"]*"', '""', answer.text))
    assert answer.usage.prompt_tokens >= len(DOCUMENT.split())
    assert 0 < answer.usage.output_tokens <= 200


def test_a_schema_that_costs_little_is_taken(host: Any) -> None:
    """The engine itself has not seen it yet."""
    assert host.call(host.engine.schema_problem(SCHEMA)) is None


def test_an_answer_without_a_schema_is_text(host: Any) -> None:
    """Tasks are guided; the engine serves free text too."""
    answer = host.call(host.engine.generate(_request("free", schema=None, max_tokens=60)))
    assert answer.text.strip()


def test_no_tenant_is_told_what_another_has_asked_before(host: Any) -> None:
    """The engine's cached prompts save tokens only for their own tenant."""
    messages = [{"role": "user", "content": DOCUMENT * 30}]

    def cached(request_id: str, tenant: str) -> int:
        request = _request(request_id, messages=messages, schema=None, max_tokens=2, tenant=tenant)
        tokens: int = host.call(host.engine.generate(request)).usage.cached_tokens
        return tokens

    assert cached("first", "acme") == 0
    assert cached("again", "acme") > 0 or host.engine.version.kind == "scripted"
    assert cached("other", "globex") == 0


def test_an_answer_that_reaches_max_tokens_says_so(host: Any) -> None:
    """The text is cut off, and the caller can tell."""
    answer = host.call(host.engine.generate(_request("cut", max_tokens=5)))
    assert answer.finish_reason == "length"
    assert answer.usage.output_tokens == 5
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


@pytest.mark.parametrize(
    ("words", "max_tokens"), [(5000, 10), (5, 4096)], ids=["long prompt", "long answer"]
)
def test_what_does_not_fit_the_context_is_refused_with_numbers(
    host: Any, words: int, max_tokens: int
) -> None:
    """The message has the prompt's tokens, the answer's and the context's."""
    messages = [{"role": "user", "content": "word " * words}]
    request = _request("long", messages=messages, max_tokens=max_tokens)
    with pytest.raises(PromptTooLongError) as caught:
        host.call(host.engine.generate(request))
    prompt, answer, together, context = map(int, re.findall(r"\d+", str(caught.value)))
    assert prompt >= words
    assert (answer, together, context) == (max_tokens, prompt + max_tokens, 4096)


def test_what_just_fits_the_context_is_answered(host: Any) -> None:
    """The refusal begins with the first token too many."""
    with pytest.raises(PromptTooLongError) as caught:
        host.call(host.engine.generate(_request("edge", max_tokens=4096)))
    prompt = int(re.findall(r"\d+", str(caught.value))[0])
    answer = host.call(host.engine.generate(_request("edge", max_tokens=4096 - prompt)))
    assert answer.usage.prompt_tokens == prompt


def test_a_refused_request_leaves_the_engine_alive(host: Any) -> None:
    """The next one is answered."""
    schema = {"type": "object", "properties": {"a": {"type": "number", "multipleOf": 3}}}
    messages = [{"role": "user", "content": "docfleet-fault: request-refused"}]
    with pytest.raises(RequestRefusedError):
        host.call(host.engine.generate(_request("refused", schema=schema, messages=messages)))
    assert host.call(host.engine.generate(_request("next"))).finish_reason == "stop"


def test_more_requests_than_slots_each_get_their_own_answer(host: Any) -> None:
    """Nothing is mixed up and nothing is lost."""

    async def ask_all() -> list[EngineAnswer]:
        runs = [host.engine.generate(_request(f"{n}", schema=_own(n))) for n in range(10)]
        return list(await asyncio.gather(*runs))

    def _own(number: int) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": False,
            "required": ["id"],
            "properties": {"id": {"const": f"document-{number}"}},
        }

    answers = host.call(ask_all())
    assert [json.loads(answer.text)["id"] for answer in answers] == [
        f"document-{number}" for number in range(10)
    ]


def test_a_cancelled_request_frees_its_slot(host: Any) -> None:
    """All slots but one are freed by cancelling; short requests then pass the one that runs on.

    Were the slots still taken, they would be for longer than the one that runs on needs.
    """

    async def pass_the_kept_one() -> bool:
        cancelled = [
            asyncio.create_task(host.engine.generate(_digits(f"cancelled-{n}", 1500)))
            for n in range(2)
        ]
        await host.engine.generate(_request("these have begun", max_tokens=5))
        kept = asyncio.create_task(host.engine.generate(_digits("kept", 1000)))
        for task in cancelled:
            task.cancel()
        ends = await asyncio.gather(*cancelled, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
        for number in range(3):
            await asyncio.gather(
                *(host.engine.generate(_request(f"{number}-{n}", max_tokens=5)) for n in range(2))
            )
        passed = not kept.done()
        kept.cancel()
        await asyncio.gather(kept, return_exceptions=True)
        return passed

    assert host.call(pass_the_kept_one())


def test_sampling_with_a_seed_gives_the_same_answer_again(host: Any) -> None:
    """A temperature is heard of, and so is the seed."""
    sampling = Sampling(temperature=1, top_p=0.9, seed=7)
    answers = [
        host.call(
            host.engine.generate(_request(f"s{n}", schema=None, max_tokens=20, sampling=sampling))
        )
        for n in range(2)
    ]
    assert answers[0].text == answers[1].text


def test_an_answer_ends_before_a_stop_sequence(host: Any) -> None:
    """The sequence itself is not in it."""
    whole = host.call(host.engine.generate(_request("whole", schema=None, max_tokens=30)))
    stop = whole.text[len(whole.text) // 2 :][:3]
    request = _request("stopped", schema=None, max_tokens=30, sampling=Sampling(stop=(stop,)))
    answer = host.call(host.engine.generate(request))
    assert answer.text == whole.text[: whole.text.find(stop)]


def test_without_a_limit_an_answer_may_fill_the_context(host: Any) -> None:
    """A guided answer ends by itself; one that does not fit is still refused."""
    answer = host.call(host.engine.generate(_request("open", max_tokens=None)))
    assert answer.finish_reason == "stop"
    messages = [{"role": "user", "content": "word " * 5000}]
    with pytest.raises(PromptTooLongError):
        host.call(host.engine.generate(_request("long", messages=messages, max_tokens=None)))


def test_a_dead_engine_fails_all_requests_and_can_be_stopped(host: Any) -> None:
    """Those in flight, those to come; stopping is in order, also twice."""

    async def ask_all(begun: asyncio.Event) -> list[Any]:
        runs = [
            asyncio.create_task(host.engine.generate(_digits(f"doomed-{n}", 1500)))
            for n in range(2)
        ]
        await host.engine.generate(_request("these have begun", max_tokens=5))
        begun.set()
        return await asyncio.gather(*runs, return_exceptions=True)

    async def ask_and_kill() -> list[Any]:
        begun = asyncio.Event()
        asking = asyncio.create_task(ask_all(begun))
        await begun.wait()
        await asyncio.to_thread(host.kill)
        return await asking

    ends = host.call(ask_and_kill())
    assert [type(end) for end in ends] == [EngineDiedError] * 2
    with pytest.raises(EngineDiedError):
        host.call(host.engine.generate(_request("late")))
    host.stop()
    host.stop()
    with pytest.raises(EngineDiedError):
        host.call(host.engine.generate(_request("later")))
