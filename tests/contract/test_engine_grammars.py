"""Schemas that cost too much to compile, held against the real engine's own grammars."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.json_schema.cost import cost_problem
from settings.sections.tasks import load_tasks
from workers.engine.protocol import EngineRequest
from workers.engine.vllm.engine import VllmEngine
from workers.errors import RequestFailedError
from workers.infer.bounds import Bounds, bounded

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def _object(**properties: Any) -> dict[str, Any]:
    named = {"note": {"type": "null"}, **properties}
    return {
        "type": "object",
        "properties": named,
        "required": list(named),
        "additionalProperties": False,
    }


def _pattern(pattern: str) -> dict[str, Any]:
    return _object(a={"type": "string", "pattern": pattern})


TASKS = load_tasks(Path(__file__).parents[2] / "tasks")
BOMBS = {
    "letters in words": _pattern("^([a-z]{1,20}){1,20}$"),
    "what the frontend writes out": _pattern(".{0,4000}"),
    "counted properties": _object(
        a={
            "type": "object",
            "properties": {f"p{n}": {"type": "null"} for n in range(300)},
            "minProperties": 1,
        }
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_grammar_bomb_is_refused_with_its_place_and_no_neighbour_waits(
    vllm_host: Any, name: str
) -> None:
    """The grammar would take the engine minutes; here it takes another process a few seconds."""
    vllm_host.ensure_running()
    ended: list[str] = []

    async def judge() -> str | None:
        problem: str | None = await vllm_host.engine.schema_problem(BOMBS[name])
        ended.append("judged")
        return problem

    async def ask() -> None:
        message = {"role": "user", "content": "What is hail?"}
        await vllm_host.engine.generate(EngineRequest(name, [message], None, 4))
        ended.append("answered")

    async def both() -> str | None:
        problem, _ = await asyncio.gather(judge(), ask())
        return problem

    problem = vllm_host.call(both())
    assert problem is not None
    assert re.match(r"#/properties/a: the grammar of the schema takes more than 5 s", problem)
    assert ended == ["answered", "judged"]
    assert cost_problem(BOMBS[name]) is not None, "who asks over HTTP hears of it at once"


def test_what_the_engine_has_no_grammar_for_is_refused(vllm_host: Any) -> None:
    """With xgrammar's own words."""
    vllm_host.ensure_running()
    problem = vllm_host.call(vllm_host.engine.schema_problem(_pattern("^a{129}$")))
    assert problem is not None
    assert problem.startswith("#: the engine cannot make a grammar of the schema: ")


def test_a_grammar_that_slows_each_token_down_is_refused(vllm_host: Any) -> None:
    """All requests of a batch would wait for it at each token."""
    vllm_host.ensure_running()
    lengths = [{"type": "string", "maxLength": 20 + n} for n in range(80)]
    problem = vllm_host.call(vllm_host.engine.schema_problem(_object(a={"anyOf": lengths})))
    assert problem is not None
    assert "#/properties/a/anyOf/79: the grammar of the schema takes more than" in problem


@pytest.mark.parametrize("name", sorted(TASKS))
def test_the_shipped_tasks_cost_little(vllm_host: Any, name: str) -> None:
    """With and without ends for what they leave open."""
    vllm_host.ensure_running()
    schema = TASKS[name].output_schema
    ended = bounded(schema, Bounds.of("a line of five words\n" * 500, tokens=2000))
    assert vllm_host.call(vllm_host.engine.schema_problem(schema)) is None
    assert vllm_host.call(vllm_host.engine.schema_problem(ended)) is None


def test_the_process_that_compiles_is_started_again_when_it_ended(vllm_host: Any) -> None:
    """Waiting callers get an error, and may try again."""
    vllm_host.ensure_running()
    engine: VllmEngine = vllm_host.engine

    async def kill_it() -> None:
        waiting = asyncio.create_task(engine.schema_problem(BOMBS["letters in words"]))
        await asyncio.sleep(0)
        assert engine._grammars is not None
        process = await engine._grammars._running()
        process.kill()
        with pytest.raises(RequestFailedError, match="ended"):
            await waiting

    vllm_host.call(kill_it())
    assert vllm_host.call(engine.schema_problem(_object())) is None
