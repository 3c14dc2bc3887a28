"""Schemas of strangers that are to cost more than they may."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from schemas.failure import FailureCode
from schemas.json_schema.validator import answer_validator
from schemas.openai.chat import ChatRequestError, chat_request
from schemas.result import Usage
from workers.engine.protocol import EngineAnswer
from workers.infer.output import OutputError, parse_output

_SLOW = "^(a+)+$"
_NO_MATCH = "a" * 40 + "!"


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _ask(schema: Any) -> None:
    named = {"name": "a", "schema": schema}
    chat_request(
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Hail."}],
            "response_format": {"type": "json_schema", "json_schema": named},
        }
    )


def _nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(depth):
        schema = _object(a=schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (_object(a={"type": "string", "pattern": _SLOW, "enum": [_NO_MATCH]}), "is not valid by"),
        (_object(a={"enum": [[1]]}), "`enum`"),
        (_object(a={"const": {"b": 1}}), "`enum`"),
        (_object(a={"type": "string", "pattern": "(((a{1,20}){1,20}){1,20}){1,20}"}), "repetit"),
        (_object(a={"type": "string", "pattern": "a{50000}"}), "repetit"),
        (_object(a={"type": "string", "pattern": "(" * 400 + ")" * 400}), "groups"),
        (_object(a={"type": "string", "pattern": "a" * 3000}), "2,000 characters"),
        (_object(**{f"p{n}": {"type": "null"} for n in range(1000)}), "1,000 schemas"),
        (_nested(150), "32 deep"),
        (_object(a={"type": "string", "description": "a" * 120_000}), "120,000 characters"),
        (_object(a={"type": "number", "minimum": float("nan")}), "JSON"),
        (_object(a={"type": "null", "$id": "urn:b"}), "$id"),
        (_object(a={"type": "integer", "minimum": 10**400, "enum": [1]}), "is not valid by"),
    ],
)
def test_a_schema_that_would_cost_too_much_is_refused(schema: Any, words: str) -> None:
    """Each of them would hold up, or bring down, whoever checks it."""
    with pytest.raises(ChatRequestError, match=re.escape(words)):
        _ask(schema)


def test_a_long_enum_is_taken() -> None:
    """Its values are not held against each other, which would take a minute."""
    _ask(_object(a={"enum": list(range(15_000))}))


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server that gives schemas away, and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "integer"}')

        def log_message(self, *_: object) -> None: ...  # type: ignore[override]  # says nothing

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/schema", paths
        server.shutdown()
        serving.join()


def test_a_reference_is_never_fetched(asked: tuple[str, list[str]]) -> None:
    """A stranger could have docfleet ask what only docfleet can reach."""
    url, paths = asked
    for value in ({"a": 1}, 1):
        with pytest.raises(ChatRequestError):
            _ask({**_object(a={"$ref": url}), "enum": [value]})
    with pytest.raises(Exception, match="Unresolvable"):
        answer_validator({"$ref": url}).is_valid(1)
    assert paths == []


def test_alternatives_that_lead_to_each_other_are_not_followed_for_ever() -> None:
    """Each level of the answer doubles the ways through the schema."""
    again = {"$ref": "#/$defs/a"}
    schema = {
        **_object(x=again),
        "$defs": {"a": {"type": "array", "items": {"anyOf": [again, again, {"type": "null"}]}}},
    }
    _ask(schema)
    text = '{"x":' + "[" * 40 + "1" + "]" * 40 + "}"
    with pytest.raises(OutputError, match="cannot be validated") as caught:
        parse_output(EngineAnswer(text, "stop", Usage()), answer_validator(schema))
    assert caught.value.failure.code is FailureCode.OUTPUT_INVALID


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 10_000, "[" * 500 + "]" * 500])
def test_an_answer_that_nobody_could_read_is_invalid(text: str) -> None:
    """It is a failure of the task, not of the worker."""
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}
    with pytest.raises(OutputError):
        parse_output(EngineAnswer(text, "stop", Usage()), answer_validator(schema))


@pytest.mark.parametrize(
    ("pattern", "fits", "misfit"),
    [
        ("^[A-Z]{2}-\\d{6}$", "HM-123456", "HM-12345"),
        ("^(?:\\w{1,20}\\s){1,20}$", "a bc ", "a bc"),
        ("^[^\\s]{1,200}$", "é", " "),
        ("^[(){}&~]{3}\\)$", "(&~)", "(&x)"),
        ("^[\\w.-]+$", "a.b-c", "a b"),
        ("^[^\\W\\d]$", "a", "1"),
        ("^\\W$", "é", "e"),
        ("^[]a]$", "]", "["),
        (".{0,400}", "anything", None),
    ],
)
def test_a_plain_pattern_is_taken_and_means_what_it_says(
    pattern: str, fits: str, misfit: str | None
) -> None:
    """What people write stays far below the limits."""
    schema = {"type": "string", "pattern": pattern}
    _ask(_object(a=schema))
    assert answer_validator(schema).is_valid(fits)
    assert misfit is None or not answer_validator(schema).is_valid(misfit)
