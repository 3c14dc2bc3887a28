"""Schemas of strangers that are to cost more than they may."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
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


def _pattern(pattern: str) -> dict[str, Any]:
    return _object(a={"type": "string", "pattern": pattern})


def _all_required(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _optional(count: int, **keywords: Any) -> dict[str, Any]:
    return {**_object(**{f"p{n}": {"type": "null"} for n in range(count)}), **keywords}


def _doubling(steps: int) -> dict[str, Any]:
    """Each definition holds the next twice."""
    defs: dict[str, Any] = {
        f"d{n}": _all_required({key: {"$ref": f"#/$defs/d{n + 1}"} for key in "ab"})
        for n in range(steps)
    }
    defs[f"d{steps}"] = {"type": "null"}
    return {**_all_required({"x": {"$ref": "#/$defs/d0"}}), "$defs": defs}


def _array(**keywords: Any) -> dict[str, Any]:
    return _object(a={"type": "array", "items": {"type": "integer"}, **keywords})


_DRAFT = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (_pattern("^(([a-z]{1,10}){1,10}){1,4}$"), "#/properties/a/pattern: more ways"),
        (_pattern("^([a-z]{1,20}){1,20}$"), "#/properties/a/pattern: more ways"),
        (_pattern("^([a-z]?){100}$"), "#/properties/a/pattern: more ways"),
        (_pattern("^(([a-z]+)?-?){100}$"), "#/properties/a/pattern: more ways"),
        (_pattern("(((a{1,20}){1,20}){1,20}){1,20}"), "#/properties/a/pattern: more than 600"),
        (_pattern("a{50000}"), "#/properties/a/pattern: more than 600"),
        (_pattern("a{200}"), "more than 128 times"),
        (_pattern("(" * 400 + ")" * 400), "groups"),
        (_pattern("a" * 3000), "#/properties/a/pattern: more than 2,000 characters"),
        (
            _object(
                **{f"p{n}": {"type": "string", "pattern": f"{n}.{{0,100}}"} for n in range(50)}
            ),
            "too many or too long together",
        ),
        (_optional(990), "#/properties: 990 of them may be left out, and 500"),
        (_optional(100, minProperties=1), "#/properties: 100 of them may be left out, and 80"),
        (_optional(100, maxProperties=9), "beside `maxProperties`"),
        (_array(minItems=10**9), "#/properties/a/minItems: more than"),
        (_array(maxItems=10**9), "#/properties/a/maxItems: more than"),
        (_object(a={"type": "string", "minLength": 10**9}), "#/properties/a/minLength: more than"),
        (_object(a={"type": "string", "maxLength": 10**9}), "#/properties/a/maxLength: more than"),
        (_optional(2, minProperties=10**9), "#/minProperties: more than"),
        (_optional(2, maxProperties=10**9), "#/maxProperties: more than"),
        (_all_required(_array(minItems=10_000, items=_array(minItems=9_000))), "#/"),
        (_doubling(40), "#/$defs/d27: the shortest answer has more than 100,000 characters"),
        (
            _all_required(
                {
                    "a": {
                        "type": "array",
                        "minItems": 9_000,
                        "items": _all_required({"b": {"type": "string", "minLength": 9_000}}),
                    }
                }
            ),
            "#/properties/a: the shortest answer",
        ),
        (
            {
                **_all_required({"a": {"$ref": "#/$defs/a"}}),
                "$defs": {"a": _all_required({"a": {"$ref": "#/$defs/a"}})},
            },
            "#: no answer has an end",
        ),
        (
            _object(**{f"p{n}": {"type": "string", "maxLength": n} for n in range(100)}),
            "different pairs of `minLength` and `maxLength`",
        ),
        (_object(a={"enum": [f"{n:0100}" for n in range(900)]}), "50,000 characters"),
        (
            _object(a={"type": "integer", "minimum": 10**400}),
            "#/properties/a/minimum: the engine takes whole",
        ),
        (
            _object(a={"type": "string", "pattern": _SLOW, "enum": ["a", _NO_MATCH]}),
            "#/properties/a/enum/1: the value is not valid by",
        ),
        (
            _object(a={"type": "string", "pattern": _SLOW, "$schema": _DRAFT}),
            "#/properties/a/$schema",
        ),
        (_object(a={"enum": [[1]]}), "`enum`"),
        (_object(a={"const": {"b": 1}}), "`enum`"),
        (_object(**{f"p{n}": {"type": "null"} for n in range(1000)}), "1,000 schemas"),
        (_nested(150), "32 deep"),
        (_object(a={"type": "string", "description": "a" * 120_000}), "120,000 characters"),
        (_object(a={"type": "number", "minimum": float("nan")}), "JSON"),
        (_object(a={"type": "null", "$id": "urn:b"}), "$id"),
        (_object(**{"a/b": {"type": "string", "maxLength": -1}}), "#/properties/a~1b/maxLength"),
        ({"type": "object", "required": [["a"]]}, "#/required/0"),
        ({"type": "object", "properties": [1]}, "#/properties"),
    ],
)
def test_a_schema_that_would_cost_too_much_is_refused(schema: Any, words: str) -> None:
    """Each of them would block, or end, its checker or the engine."""
    with pytest.raises(ChatRequestError, match=re.escape(words)):
        _ask(schema)


def test_references_in_circles_are_refused_and_not_followed_for_ever() -> None:
    """Each definition leads to the next twice, and the last to all of them."""
    defs = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(20)
    }
    defs["d20"] = {"anyOf": [{"$ref": "#/$defs/d0"}]}
    with pytest.raises(ChatRequestError, match="references to follow"):
        _ask({**_all_required({"x": {"$ref": "#/$defs/d0"}}), "$defs": defs})


def test_a_long_answer_hides_behind_no_circle() -> None:
    """The same definition is looked at again where a circle kept it from an end before."""
    schema = _doubling(30)
    schema["$defs"]["d30"] = _all_required({"a": {"$ref": "#/$defs/way"}})
    schema["$defs"]["way"] = {"anyOf": [{"$ref": "#/$defs/d0"}, {"type": "null"}]}
    schema["properties"] = {"first": {"$ref": "#/$defs/way"}, **schema["properties"]}
    schema["required"] = ["first", "x"]
    with pytest.raises(ChatRequestError, match="the shortest answer has more than"):
        _ask(schema)


@pytest.mark.parametrize(
    "schema",
    [
        _optional(400),
        _array(minItems=1_000, maxItems=10_000),
        _doubling(10),
        _object(**{f"p{n}": {"type": "string", "maxLength": 10 * n + 10} for n in range(30)}),
        {
            **_all_required({"tree": {"$ref": "#/$defs/tree"}}),
            "$defs": {
                "tree": _all_required(
                    {"leaves": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}
                )
            },
        },
    ],
    ids=["optional", "array", "references", "lengths", "tree"],
)
def test_a_large_schema_of_a_usual_kind_is_taken(schema: Any) -> None:
    """Schemas that people write stay below the limits."""
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
        parse_output(EngineAnswer(text, "stop", Usage()), schema)
    assert caught.value.failure.code is FailureCode.OUTPUT_INVALID


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 10_000, "[" * 500 + "]" * 500])
def test_an_answer_that_nobody_could_read_is_invalid(text: str) -> None:
    """The failure is the task's, not the worker's."""
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}
    with pytest.raises(OutputError):
        parse_output(EngineAnswer(text, "stop", Usage()), schema)


@pytest.mark.parametrize(
    ("pattern", "fits", "misfit"),
    [
        ("^[A-Z]{2}-\\d{6}$", "HM-123456", "HM-12345"),
        ("^(?:\\w{1,20}\\s){1,20}$", "a bc ", "a bc"),
        ("^[^\\s]{1,128}$", "é", " "),
        ("^\\{200\\}[{]$", "{200}{", "{200}"),
        ("^[[:alpha:]]$", ":]", "z"),
        ("^[:;[]$", "[", "z"),
        ("^[(){}&~]{3}\\)$", "(&~)", "(&x)"),
        ("^[\\w.-]+$", "a.b-c", "a b"),
        ("^[^\\W\\d]$", "a", "1"),
        ("^\\W$", "é", "e"),
        ("^[]a]$", "]", "["),
        (".{0,128}", "anything", None),
    ],
)
def test_a_plain_pattern_is_taken_and_means_what_it_says(
    pattern: str, fits: str, misfit: str | None
) -> None:
    """Patterns that people write stay far below the limits."""
    schema = {"type": "string", "pattern": pattern}
    _ask(_object(a=schema))
    assert answer_validator(schema).is_valid(fits)
    assert misfit is None or not answer_validator(schema).is_valid(misfit)
