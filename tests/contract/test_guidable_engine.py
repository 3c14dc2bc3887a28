"""Promises of schemas/json_schema/guidable.py, held against the engine's own grammars."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from schemas.json_schema.guidable import (
    EVERYWHERE,
    FORMATS,
    GUIDED,
    UnguidableSchemaError,
    check_guidable,
)
from schemas.json_schema.validator import answer_validator
from workers.engine.vllm.guide import compiled

_DEFS = {
    "short": {"type": "string", "maxLength": 2},
    "tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"$ref": "#/$defs/trees"}},
        "required": ["name"],
        "additionalProperties": False,
    },
    "trees": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2},
}


class Case(NamedTuple):
    """A schema of a value, and values that it must and must not let through."""

    keyword: str
    schema: Any
    good: list[Any]
    bad: list[Any]


def _object(**keywords: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, **keywords}


_AB = {"a": {"type": "integer"}, "b": {"type": "integer"}}

ENFORCED = [
    Case("object/properties", _object(properties=_AB), [{"a": 1}, {}], [{"a": "x"}]),
    Case("object/required", _object(properties=_AB, required=["b"]), [{"b": 2}], [{"a": 1}, {}]),
    Case("object/additionalProperties", _object(properties=_AB), [{"a": 1}], [{"c": 1}]),
    Case(
        "object/additionalProperties",
        {"type": "object", "additionalProperties": {"type": "integer"}},
        [{"z": 1}, {}],
        [{"z": "x"}],
    ),
    Case(
        "object/minProperties",
        _object(properties=_AB, minProperties=1),
        [{"a": 1}, {"b": 1}],
        [{}],
    ),
    Case(
        "object/maxProperties",
        _object(properties=_AB, maxProperties=1),
        [{"a": 1}, {"b": 1}],
        [{"a": 1, "b": 1}],
    ),
    Case("array/items", {"type": "array", "items": {"type": "integer"}}, [[], [1]], [["a"]]),
    Case(
        "array/prefixItems",
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
        [[1], [1, "a"]],
        [["a"], [1, 2]],
    ),
    Case(
        "array/minItems",
        {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        [[1, 2]],
        [[1], []],
    ),
    Case(
        "array/maxItems",
        {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        [[1, 2], []],
        [[1, 2, 3]],
    ),
    Case("string/minLength", {"type": "string", "minLength": 3}, ["abc"], ["ab", ""]),
    Case("string/maxLength", {"type": "string", "maxLength": 3}, ["abc", "äöü", ""], ["abcd"]),
    Case(
        "string/maxLength",
        {"type": "string", "maxLength": 3},
        ['"a"', "a\\b", "\n\t\x01", "שלו", "😀\u202e保", '"""'],
        ['""""', "\n\n\n\n"],
    ),
    Case("string/minLength", {"type": "string", "minLength": 3}, ['"""', "a\nb"], ['""']),
    Case(
        "string/pattern",
        {"type": "string", "pattern": r"^[A-Z]{2}-\d+$"},
        ["AB-1"],
        ["ab-1", "AB-", "xAB-1"],
    ),
    Case(
        "string/pattern",
        {"type": "string", "pattern": r"^[a-z]{3,128}[:\s]\W$"},
        ["abc:-", "abc é", "x" * 128 + ":\u00a0"],
        ["ab:-", "x" * 129 + ":-", "abc\u00a0-"],
    ),
    Case("integer/minimum", {"type": "integer", "minimum": 5}, [5, 100], [4, -1]),
    Case("integer/maximum", {"type": "integer", "maximum": 5}, [5, -10], [6]),
    Case("integer/minimum", {"type": "integer", "minimum": 2**63 - 1}, [2**63 - 1], [7]),
    Case("number/maximum", {"type": "number", "maximum": 2**70}, [2**60, 0.5], [2**80]),
    Case("integer/exclusiveMinimum", {"type": "integer", "exclusiveMinimum": 5}, [6], [5]),
    Case("integer/exclusiveMaximum", {"type": "integer", "exclusiveMaximum": 5}, [4], [5]),
    Case("number/minimum", {"type": "number", "minimum": 0}, [0, 0.5, 1e8], [-0.5, -1]),
    Case("number/maximum", {"type": "number", "maximum": 10}, [10, 9.5, -3], [10.5, 11]),
    Case("number/exclusiveMinimum", {"type": "number", "exclusiveMinimum": 0}, [0.1], [0]),
    Case("number/exclusiveMaximum", {"type": "number", "exclusiveMaximum": 1}, [0.9], [1, 1.5]),
    Case("type", {"type": "boolean"}, [True, False], [1, "true", None]),
    Case("type", {"type": "null"}, [None], [0, "null"]),
    Case("type", {"type": ["string", "null"], "maxLength": 2}, ["a", None], ["abc", 1]),
    Case("type", {"type": ["integer", "string"], "minimum": 5}, [5, "ab"], [4, None]),
    Case("enum", {"enum": ["a", 1, None]}, ["a", 1, None], ["c", 2, ""]),
    Case("const", {"const": "a"}, ["a"], ["b", 1]),
    Case(
        "anyOf",
        {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]},
        ["a", None],
        ["abc", 1],
    ),
    Case("$ref", {"$ref": "#/$defs/short", "title": "A note"}, ["ab"], ["abc", 1]),
    Case(
        "$defs",
        {"$ref": "#/$defs/tree"},
        [{"name": "a", "children": [{"name": "b", "children": []}]}],
        [{"name": "a", "children": [{"children": []}]}, {"name": 1}],
    ),
]

FORMATTED = {
    "date": (["2024-01-31"], ["2024-13-31", "2024-1-1", "hello"]),
    "time": (["10:00:00Z", "10:00:00+02:00"], ["25:00:00Z", "hello"]),
    "date-time": (["2024-01-31T10:00:00Z"], ["2024-01-31", "hello"]),
    "duration": (["P1D", "PT3H"], ["1 day"]),
    "email": (["a@b.example"], ["a", "a@"]),
    "hostname": (["a.example"], ["-a..b", "a b"]),
    "uuid": (["123e4567-e89b-42d3-a456-426614174000"], ["123e4567"]),
    "ipv4": (["192.0.2.1"], ["192.0.2.400", "1.2.3"]),
    "ipv6": (["2001:db8::1"], ["1.2.3", "zz"]),
    "uri": (["https://example.com/x"], ["no scheme"]),
}

NOT_ENFORCED = [
    Case("multipleOf", {"type": "number", "multipleOf": 5}, [], [7]),
    Case(
        "uniqueItems",
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        [],
        [[1, 1]],
    ),
    Case(
        "enum beside length", {"type": "string", "enum": ["a", "abc"], "maxLength": 2}, [], ["abc"]
    ),
    Case("const beside type", {"type": "string", "const": 1}, [], [1]),
    Case("$ref beside a length", {"$ref": "#/$defs/short", "maxLength": 1}, [], ["ab"]),
    Case(
        "anyOf beside a length",
        {"anyOf": [{"type": "string"}, {"type": "null"}], "maxLength": 2},
        [],
        ["abc"],
    ),
    Case(
        "anyOf beside a type",
        {"type": "string", "anyOf": [{"type": "string"}, {"type": "null"}]},
        [],
        [None],
    ),
    Case(
        "required without a property",
        {"type": "object", "properties": _AB, "required": ["z"], "additionalProperties": False},
        [],
        [{"a": 1}],
    ),
    Case("pattern without a type", {"pattern": "^a$"}, [], ["b"]),
    Case("anchor in the middle", {"type": "string", "pattern": "^a$b$"}, [], ["ab"]),
    Case("anchors of other dialects", {"type": "string", "pattern": r"\Aab\Z"}, [], ["AabZ"]),
    Case("lookahead", {"type": "string", "pattern": "^(?!a)[ab]$"}, [], ["a"]),
]

LEFT_TO_THE_VALIDATION = [
    Case("maxLength after an escape", {"type": "string", "maxLength": 3}, [], ["a\nbcd"]),
]

TOO_NARROW = [
    Case("array without items", {"type": "array", "maxItems": 3}, [[1], ["a"]], []),
]

SPOILS_JSON = [r'^a"b$', r"^a\\b$", r"^a\nb$", "^a\\u0022b$"]
REFUSED_BY_ENGINE = [
    {"type": "string", "pattern": r"^\bfoo$"},
    {"type": "string", "pattern": r"^(a|b)\1$"},
    {"type": "string", "pattern": r"^(?i:a)$"},
    {"type": "string", "pattern": r"^[a-z]{1,129}$"},
    {"type": "string", "pattern": r"^[a-z]{129,}$"},
    {"type": "string", "pattern": r"^a{,5}$"},
    {"type": "integer", "minimum": 2**63},
    {"type": "integer", "maximum": 1e19},
    {"type": "number", "minimum": 10**400},
    {"type": "integer", "minimum": 0.5},
]

Accepts = Callable[[Mapping[str, Any], str], bool]
Doubts = Callable[[Mapping[str, Any]], bool]


def _schema(value: Any) -> dict[str, Any]:
    return {**_object(properties={"x": value}, required=["x"]), "$defs": _DEFS}


def _json(value: Any) -> str:
    return json.dumps({"x": value}, ensure_ascii=False, separators=(",", ":"))


@pytest.fixture(scope="module")
def vllm_doubts(vllm: ModuleType) -> Doubts:
    """Return whether vLLM itself refuses a schema for xgrammar."""
    backend = importlib.import_module(f"{vllm.__name__}.v1.structured_output.backend_xgrammar")
    doubts: Doubts = backend.has_xgrammar_unsupported_json_features
    return doubts


@pytest.fixture(scope="module")
def accepts(vllm: ModuleType) -> Accepts:  # noqa: ARG001  # xgrammar comes with vllm
    """Return whether a schema's grammar, as vLLM compiles it for us, accepts a whole text."""
    xgrammar = importlib.import_module("xgrammar")
    stop = 256
    vocabulary = [bytes([byte]) for byte in range(stop)] + [b"</s>"]
    info = xgrammar.TokenizerInfo(
        vocabulary, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[stop]
    )
    compiler = xgrammar.GrammarCompiler(info)

    def accept(schema: Mapping[str, Any], text: str) -> bool:
        grammar = compiled(xgrammar, compiler, json.dumps(schema))
        matcher = xgrammar.GrammarMatcher(grammar, terminate_without_stop_token=True)
        return bool(matcher.accept_string(text) and matcher.is_terminated())

    return accept


@pytest.mark.parametrize("case", ENFORCED, ids=lambda case: case.keyword)
def test_a_guidable_keyword_is_enforced(case: Case, accepts: Accepts, vllm_doubts: Doubts) -> None:
    """Conforming values pass the grammar, violating ones do not."""
    schema = _schema(case.schema)
    check_guidable(schema)
    assert not vllm_doubts(schema)
    assert [value for value in case.good if not accepts(schema, _json(value))] == []
    assert [value for value in case.bad if accepts(schema, _json(value))] == []


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_guidable_format_is_enforced(name: str, accepts: Accepts, vllm_doubts: Doubts) -> None:
    """Conforming strings pass the grammar, others do not."""
    good, bad = FORMATTED[name]
    schema = _schema({"type": "string", "format": name})
    check_guidable(schema)
    assert not vllm_doubts(schema)
    assert [value for value in good if not accepts(schema, _json(value))] == []
    assert [value for value in bad if accepts(schema, _json(value))] == []


def test_each_guidable_keyword_is_tried_here() -> None:
    """A keyword that is added to the list needs a case."""
    promised = {f"{kind}/{keyword}" for kind, keywords in GUIDED.items() for keyword in keywords}
    promised -= {"string/format"}
    assert {case.keyword for case in ENFORCED} == promised | EVERYWHERE
    assert FORMATTED.keys() == FORMATS


@pytest.mark.parametrize("case", NOT_ENFORCED, ids=lambda case: case.keyword)
def test_what_the_engine_lets_through_is_refused(case: Case, accepts: Accepts) -> None:
    """The grammar takes a violating value, so the schema may not be used."""
    schema = _schema(case.schema)
    assert [value for value in case.bad if not accepts(schema, _json(value))] == []
    with pytest.raises(UnguidableSchemaError, match="#/properties/x"):
        check_guidable(schema)


@pytest.mark.parametrize("case", LEFT_TO_THE_VALIDATION, ids=lambda case: case.keyword)
def test_what_the_grammar_cannot_count_is_left_to_the_validation(
    case: Case, accepts: Accepts
) -> None:
    """The schema may be used: the answer is validated, and too much ends as an invalid answer."""
    schema = _schema(case.schema)
    check_guidable(schema)
    assert [value for value in case.bad if not accepts(schema, _json(value))] == []
    assert answer_validator(schema).is_valid({"x": case.bad[0]}) is False


@pytest.mark.parametrize("case", TOO_NARROW, ids=lambda case: case.keyword)
def test_what_the_engine_narrows_in_silence_is_refused(case: Case, accepts: Accepts) -> None:
    """The grammar refuses conforming values, so the schema does not say what it seems to."""
    schema = _schema(case.schema)
    assert [value for value in case.good if accepts(schema, _json(value))] == []
    with pytest.raises(UnguidableSchemaError, match="#/properties/x"):
        check_guidable(schema)


@pytest.mark.parametrize("pattern", SPOILS_JSON)
def test_a_pattern_that_spoils_the_json_is_refused(pattern: str, accepts: Accepts) -> None:
    """The grammar puts such characters into the string unescaped."""
    schema = _schema({"type": "string", "pattern": pattern})
    raw = {'"': '"', "\\\\": "\\", "\\n": "\n", "u0022": '"'}
    spoiled = next(raw[key] for key in reversed(raw) if key in pattern)
    assert accepts(schema, '{"x":"a' + spoiled + 'b"}')
    with pytest.raises(UnguidableSchemaError, match="#/properties/x/pattern"):
        check_guidable(schema)


@pytest.mark.parametrize("value", REFUSED_BY_ENGINE, ids=lambda value: str(value)[:60])
def test_what_the_engine_cannot_compile_is_refused(value: Any, accepts: Accepts) -> None:
    """An owner hears of it when the task is loaded, not with the first document."""
    with pytest.raises(RuntimeError):
        accepts(_schema(value), _json("a"))
    with pytest.raises(UnguidableSchemaError, match="#/properties/x"):
        check_guidable(_schema(value))
