"""Which JSON Schemas an engine can hold a model to.

An engine that does not know a keyword ignores it in silence, so everything outside this list is
refused, with the place in the schema. A contract test compiles each keyword with the real engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from schemas.json_schema.validator import (
    EndlessValidationError,
    PatternError,
    answer_validator,
    check_pattern,
)

NOTES = frozenset({"$schema", "$id", "title", "description", "examples", "default"})
"""Keywords that constrain nothing."""

GUIDED: dict[str, frozenset[str]] = {
    "object": frozenset(
        {"properties", "required", "additionalProperties", "minProperties", "maxProperties"}
    ),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
"""For each JSON type, the keywords that the engine enforces."""

EVERYWHERE = frozenset({"type", "enum", "const", "anyOf", "$ref", "$defs"})
FORMATS = frozenset(
    {
        "date",
        "time",
        "date-time",
        "duration",
        "email",
        "hostname",
        "uuid",
        "ipv4",
        "ipv6",
        "uri",
    }
)
_ALONE = ("$ref", "anyOf")
_SPECIAL_GROUP = re.compile(r"\(\?(?!:)")
_GUIDED_ESCAPE = re.compile(r"\\(?:[dDwWsS]|[^A-Za-z0-9\\\"])")
_CLASS = re.compile(r"\[\^?[^\]]*\]")


class UnguidableSchemaError(ValueError):
    """The engine could not hold a model to this schema."""


def check_guidable(schema: Mapping[str, Any]) -> None:
    """Raise UnguidableSchemaError, naming the place, unless each keyword is enforced.

    Args:
        schema: JSON Schema, draft 2020-12, of an object.
    """
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        place = "/".join(["#", *(str(step) for step in error.absolute_path)])
        raise UnguidableSchemaError(f"{place}: {error.message}") from error
    if schema.get("type") != "object":
        raise UnguidableSchemaError("#: the outermost type must be `object`")
    # Values last: whether they are valid can only be asked of a schema that is as it should be.
    for problems in (_problems, _value_problems):
        for place, problem in problems(schema, "#", schema):
            raise UnguidableSchemaError(f"{place}: {problem}")


def _problems(node: Any, place: str, root: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(node, bool):
        return
    if "$id" in node and node is not root:
        yield f"{place}/$id", "a `$ref` below it would lead elsewhere than to this schema's #/$defs"
    types = _types(node)
    known = NOTES | EVERYWHERE | frozenset().union(*(GUIDED[name] for name in types))
    for keyword in node:
        if keyword not in known:
            of = f" for type {'/'.join(sorted(types))}" if types else " without a type"
            yield f"{place}/{keyword}", f"the engine does not enforce `{keyword}`{of}"
    yield from _lone_problems(node, place)
    yield from _object_problems(node, place, types)
    yield from _array_problems(node, place, types)
    yield from _integer_problems(node, place, types)
    yield from _string_problems(node, place)
    yield from _ref_problems(node, place, root)
    for step, child in _children(node):
        yield from _problems(child, f"{place}/{step}", root)


def _types(node: Mapping[str, Any]) -> frozenset[str]:
    named = node.get("type", ())
    return frozenset([named] if isinstance(named, str) else named)


def _lone_problems(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for keyword in _ALONE:
        beside = sorted(node.keys() - NOTES - {keyword, "$defs"}) if keyword in node else []
        if beside:
            yield place, f"the engine ignores `{'`, `'.join(beside)}` beside `{keyword}`"


def _value_problems(node: Any, place: str, root: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The engine takes any value of an enum, whatever stands beside it."""
    if isinstance(node, bool):
        return
    for keyword, values in (("enum", node.get("enum", ())), ("const", [node.get("const")])):
        if keyword not in node:
            continue
        rest = {name: value for name, value in node.items() if name != keyword}
        validator = answer_validator({**rest, "$defs": root.get("$defs", {})})
        for value in values:
            if not _is_valid(value, validator):
                yield f"{place}/{keyword}", f"{value!r} is not valid by the rest of the schema"
    for step, child in _children(node):
        yield from _value_problems(child, f"{place}/{step}", root)


def _is_valid(value: Any, validator: Any) -> bool:
    try:
        return bool(validator.is_valid(value))
    except EndlessValidationError:
        return False


def _object_problems(
    node: Mapping[str, Any], place: str, types: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if "object" in types:
        for name in node.get("required", ()):
            if name not in node.get("properties", {}):
                yield f"{place}/required", f"the engine ignores {name!r}, for no property has it"


def _array_problems(
    node: Mapping[str, Any], place: str, types: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if "array" in types and not {"items", "prefixItems", "enum", "const"} & node.keys():
        yield place, "the engine leaves an array without `items` empty"


def _integer_problems(
    node: Mapping[str, Any], place: str, types: frozenset[str]
) -> Iterator[tuple[str, str]]:
    for keyword in sorted(GUIDED["integer"] & node.keys()) if "integer" in types else ():
        if node[keyword] % 1:
            yield f"{place}/{keyword}", "the engine takes whole numbers as an integer's bounds"


def _string_problems(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    bounded = {"minLength", "maxLength"} & node.keys()
    shaped = {"pattern", "format"} & node.keys()
    if bounded and shaped:
        yield place, "the engine enforces a length or a pattern or format, not both"
    if len(shaped) > 1:
        yield place, "the engine enforces a pattern or a format, not both"
    if problem := _pattern_problem(str(node.get("pattern", ""))):
        yield f"{place}/pattern", problem
    if "format" in node and node["format"] not in FORMATS:
        yield (
            f"{place}/format",
            f"the engine enforces only the formats {', '.join(sorted(FORMATS))}",
        )


def _pattern_problem(pattern: str) -> str | None:
    """What the engine would not understand, ignore, or let spoil the JSON."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"no regular expression: {error}"
    if _SPECIAL_GROUP.search(pattern):
        return "the engine ignores or refuses lookahead, lookbehind and all `(?...)` but `(?:...)`"
    try:
        check_pattern(pattern)
    except PatternError as error:
        return str(error)
    rest = _GUIDED_ESCAPE.sub("x", pattern)
    if "\\" in rest or '"' in rest:
        return (
            "the engine takes no quotation mark, no backslash, and of the escapes only those of "
            "punctuation and \\d \\D \\w \\W \\s \\S"
        )
    rest = _CLASS.sub("x", rest)
    if "^" in rest[1:] or "$" in rest[:-1]:
        return "the engine ignores `^` and `$` but at the ends; it always matches the whole string"
    return None


def _ref_problems(
    node: Mapping[str, Any], place: str, root: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    target = node.get("$ref")
    if target is None:
        return
    name = str(target).removeprefix("#/$defs/")
    if name == target or name not in root.get("$defs", {}):
        yield f"{place}/$ref", f"{target!r} is not one of this schema's own #/$defs"


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in ("properties", "$defs"):
        for name, child in node.get(keyword, {}).items():
            yield f"{keyword}/{name}", child
    for keyword in ("prefixItems", "anyOf"):
        for index, child in enumerate(node.get(keyword, ())):
            yield f"{keyword}/{index}", child
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            yield keyword, node[keyword]
