"""The scripted engine: answers that fit the schema, and faults on demand."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.json_schema.guidable import FORMATS, check_guidable
from settings.sections.tasks import load_tasks
from workers.engine.protocol import EngineRequest
from workers.engine.scripted.answers import scripted_data
from workers.engine.scripted.engine import ScriptedEngine
from workers.errors import EngineDiedError, RequestFailedError, RequestRefusedError

REPOSITORY = Path(__file__).parents[4]
DOCUMENT = "Claim C-1042\nInsured: Ada Byron\nLoss of $12,500.75 on 2026-03-04\n3 rooms\n"

SCHEMAS: dict[str, dict[str, Any]] = {
    "bounded string": {"type": "string", "minLength": 40, "maxLength": 44},
    "pattern in the document": {"type": "string", "pattern": r"^C-\d{4}$"},
    "pattern not in the document": {
        "type": "string",
        "pattern": r"^(?:QX|Z)[^a-z]{2}\s[0-9_-]+\.$",
    },
    "pattern with an alternative": {"type": "string", "pattern": r"^(yes|no)(?:, \w{3})?$"},
    "integer above": {"type": "integer", "exclusiveMinimum": 100_000_000},
    "integer below": {"type": "integer", "maximum": -7},
    "integer between": {"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 4},
    "number between": {"type": "number", "exclusiveMinimum": 0.25, "exclusiveMaximum": 0.5},
    "number above": {"type": "number", "minimum": 1e12},
    "number below": {"type": "number", "exclusiveMaximum": -1e12},
    "choice": {"enum": ["a", 1, None]},
    "constant": {"const": [1, 2]},
    "boolean or null": {"type": ["null", "boolean"]},
    "alternatives": {"anyOf": [{"type": "integer", "maximum": 3}, {"type": "null"}]},
    "anything": {"type": "array", "items": True, "minItems": 1},
    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 5, "maxItems": 6},
    "short list": {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
    "tuple": {"type": "array", "prefixItems": [{"type": "null"}], "items": False},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    "few properties": {
        "type": "object",
        "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}},
        "required": ["c"],
        "additionalProperties": False,
        "maxProperties": 2,
    },
    "recursion": {"$ref": "#/$defs/tree"},
    **{f"format {name}": {"type": "string", "format": name} for name in sorted(FORMATS)},
}
TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "left": {"$ref": "#/$defs/tree"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
        "next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
    },
    "required": ["name", "children", "next"],
    "additionalProperties": False,
}


def _wrapped(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"x": schema},
        "required": ["x"],
        "additionalProperties": False,
        "$defs": {"tree": TREE},
    }


def _request(document: str, request_id: str = "r", **changes: Any) -> EngineRequest:
    arguments: dict[str, Any] = {
        "request_id": request_id,
        "messages": [{"role": "user", "content": document}],
        "schema": _wrapped({"type": "string"}),
        "max_tokens": 100,
        **changes,
    }
    return EngineRequest(**arguments)


@pytest.fixture
async def engine() -> AsyncIterator[ScriptedEngine]:
    """A started engine without latency."""
    engine = ScriptedEngine("scripted", slots=2)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("document", [DOCUMENT, ""], ids=["document", "nothing"])
def test_any_guidable_schema_gets_a_valid_answer(name: str, document: str) -> None:
    """Whatever a task may ask for, the answer satisfies it."""
    schema = _wrapped(SCHEMAS[name])
    check_guidable(schema)
    data = scripted_data(schema, document)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(data)
    assert scripted_data(schema, document) == data


def test_the_projects_own_tasks_get_valid_answers() -> None:
    """The tasks in `tasks/` can be drilled with it."""
    for task in load_tasks(REPOSITORY / "tasks").values():
        data = scripted_data(task.output_schema, DOCUMENT)
        Draft202012Validator(task.output_schema).validate(data)


def test_values_are_taken_from_the_document() -> None:
    """Numbers, words and lines of the answer are the document's own."""
    schema = _wrapped({"type": "number", "minimum": 10, "maximum": 20_000})
    assert scripted_data(schema, DOCUMENT) == {"x": 1042}
    assert scripted_data(_wrapped({"type": "string", "pattern": r"^C-\d+$"}), DOCUMENT) == {
        "x": "C-1042"
    }
    assert scripted_data(_wrapped({"type": "string"}), DOCUMENT)["x"] in DOCUMENT


def test_another_document_gets_another_answer() -> None:
    """A mix-up of documents shows in the results."""
    schema = _wrapped({"type": "string"})
    answers = {scripted_data(schema, f"Document number {number}")["x"] for number in range(20)}
    assert len(answers) == 20


async def test_a_document_without_faults_is_answered(engine: ScriptedEngine) -> None:
    """The plain case, with usage by words."""
    answer = await engine.generate(_request(DOCUMENT))
    assert answer.finish_reason == "stop"
    assert json.loads(answer.text)["x"] in DOCUMENT
    assert answer.usage.prompt_tokens > answer.usage.output_tokens > 0


async def test_invalid_output_fits_no_schema(engine: ScriptedEngine) -> None:
    """The output is JSON, so that validation and not parsing refuses it."""
    answer = await engine.generate(_request(f"{DOCUMENT}docfleet-fault: invalid-output"))
    assert not isinstance(json.loads(answer.text), dict)


async def test_truncated_output_is_cut_off(engine: ScriptedEngine) -> None:
    """The answer looks as if max_tokens had been reached."""
    answer = await engine.generate(_request(f"{DOCUMENT}docfleet-fault: truncated-output\n"))
    assert answer.finish_reason == "length"
    assert answer.usage.output_tokens > 0
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("request-fails", RequestFailedError),
        ("request-refused", RequestRefusedError),
        ("no-such-fault", RequestRefusedError),
        ("slow tomorrow", RequestRefusedError),
    ],
)
async def test_a_failed_request_leaves_the_engine_alive(
    engine: ScriptedEngine, fault: str, error: type[Exception]
) -> None:
    """The next request is answered."""
    with pytest.raises(error):
        await engine.generate(_request(f"{DOCUMENT}docfleet-fault: {fault}\n"))
    assert (await engine.generate(_request(DOCUMENT))).finish_reason == "stop"


async def test_a_slow_document_is_overtaken_by_another(engine: ScriptedEngine) -> None:
    """The document holds only its own slot."""
    slow = asyncio.create_task(engine.generate(_request("docfleet-fault: slow 600", "slow")))
    assert (await engine.generate(_request(DOCUMENT, "fast"))).finish_reason == "stop"
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_a_dying_engine_takes_all_requests_with_it(engine: ScriptedEngine) -> None:
    """Those that run, those that wait for a slot, and those that come later."""
    documents = ["docfleet-fault: slow 600", "docfleet-fault: engine-dies", DOCUMENT]
    ends = await asyncio.gather(
        *(engine.generate(_request(text, text)) for text in documents), return_exceptions=True
    )
    assert [type(end) for end in ends] == [EngineDiedError] * 3
    with pytest.raises(EngineDiedError):
        await engine.generate(_request(DOCUMENT))


def test_a_process_with_a_scripted_engine_loads_no_model_library() -> None:
    """Neither vllm nor torch nor transformers is imported."""
    script = "import sys, workers.engine.scripted.engine; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.split()
    assert "workers.engine.scripted.answers" in modules
    assert not [name for name in modules if re.match(r"(vllm|torch|transformers)\b", name)]
