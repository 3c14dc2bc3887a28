"""Which JSON Schemas an engine can hold a model to.

An engine that does not know a keyword ignores it in silence, so everything outside this list is
refused, with the place in the schema. A contract test compiles each keyword with the real engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from schemas.json_schema.pointer import pointer
from schemas.json_schema.validator import (
    EndlessValidationError,
    PatternError,
    answer_validator,
    check_pattern,
)
from schemas.json_schema.walk import children

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
_INTEGERS_END = 2**63
_LARGEST_NUMBER = 10**308
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ALONE = ("$ref", "anyOf")
_SPECIAL_GROUP = re.compile(r"\(\?(?!:)")
_GUIDED_ESCAPE = re.compile(r"\\(?:[dDwWsS]|[^A-Za-z0-9\\\"])")
_CLASS = re.compile(r"\[\^?[^\]]*\]")
_TIMES = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MOST_TIMES = 128
"""A repetition that the engine writes out fails to compile when it has more."""


class UnguidableSchemaError(ValueError):
    """The engine could not hold a model to this schema."""


def check_form(schema: Mapping[str, Any]) -> None:
    """Raise UnguidableSchemaError, naming the place, unless this is a JSON Schema of draft 2020-12.

    Args:
        schema: JSON values of a bounded depth.
    """
    try:
        jsonschema_rs.meta.validate({**schema, "$schema": _DRAFT})
    except jsonschema_rs.ValidationError as error:
        broken = error.schema_path[-1]
        raise UnguidableSchemaError(
            f"{pointer(error.instance_path)}: no value that JSON Schema allows here (`{broken}`)"
        ) from error


def check_guidable(schema: Mapping[str, Any]) -> None:
    """Raise UnguidableSchemaError, naming the place, unless each keyword is enforced.

    Args:
        schema: JSON Schema, draft 2020-12, of an object.
    """
    check_form(schema)
    if schema.get("type") != "object":
        raise UnguidableSchemaError("#: the outermost type must be `object`")
    for place, problem in _problems(schema, "#", schema):
        raise UnguidableSchemaError(f"{place}: {problem}")
    # Values last: whether they are valid can only be asked of a schema that is as it should be.
    for place, problem in _value_problems(schema, "#", answer_validator(schema)):
        raise UnguidableSchemaError(f"{place}: {problem}")


def _problems(node: Any, place: str, root: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(node, bool):
        return
    if "$id" in node and node is not root:
        yield f"{place}/$id", "a `$ref` below it would lead elsewhere than to this schema's #/$defs"
    if "$schema" in node and node is not root:  # a validator would leave its bounds behind there
        yield f"{place}/$schema", "the dialect is said once, at #"
    types = _types(node)
    known = NOTES | EVERYWHERE | frozenset().union(*(GUIDED[name] for name in types))
    for keyword in node:
        if keyword not in known:
            of = f" for type {'/'.join(sorted(types))}" if types else " without a type"
            yield f"{place}/{keyword}", f"the engine does not enforce `{keyword}`{of}"
    yield from _lone_problems(node, place)
    yield from _object_problems(node, place, types)
    yield from _array_problems(node, place, types)
    yield from _bound_problems(node, place, types)
    yield from _string_problems(node, place)
    yield from _ref_problems(node, place, root)
    for step, child in children(node):
        yield from _problems(child, f"{place}/{step}", root)


def _types(node: Mapping[str, Any]) -> frozenset[str]:
    named = node.get("type", ())
    return frozenset([named] if isinstance(named, str) else named)


def _lone_problems(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for keyword in _ALONE:
        beside = sorted(node.keys() - NOTES - {keyword, "$defs"}) if keyword in node else []
        if beside:
            yield place, f"the engine ignores `{'`, `'.join(beside)}` beside `{keyword}`"


def _value_problems(node: Any, place: str, validator: Any) -> Iterator[tuple[str, str]]:
    """Look for values of an enum that the rest does not allow, for the engine takes any."""
    if isinstance(node, bool):
        return
    for keyword, values in (("enum", node.get("enum", ())), ("const", [node.get("const")])):
        if keyword not in node:
            continue
        rest = validator.evolve(
            schema={name: node[name] for name in node.keys() - {keyword, "$schema"}}
        )
        for index, value in enumerate(values):
            if not _is_valid(value, rest):
                at = f"{place}/{keyword}/{index}" if keyword == "enum" else f"{place}/{keyword}"
                yield at, "the value is not valid by the rest of the schema"
    for step, child in children(node):
        yield from _value_problems(child, f"{place}/{step}", validator)


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


def _bound_problems(
    node: Mapping[str, Any], place: str, types: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if not types & {"integer", "number"}:
        return
    for keyword in sorted(GUIDED["number"] & node.keys()):
        bound = node[keyword]
        if "integer" in types and (bound % 1 or abs(bound) >= _INTEGERS_END):
            yield f"{place}/{keyword}", "the engine takes whole numbers of 64 bits for an integer"
        elif abs(bound) > _LARGEST_NUMBER:
            yield f"{place}/{keyword}", "the engine takes numbers up to 1e308"


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
    """Say what the engine would not understand, ignore, or let spoil the JSON."""
    return _syntax_problem(pattern) or _dialect_problem(_GUIDED_ESCAPE.sub("x", pattern))


def _syntax_problem(pattern: str) -> str | None:
    if _SPECIAL_GROUP.search(pattern):
        return "the engine ignores or refuses lookahead, lookbehind and all `(?...)` but `(?:...)`"
    try:
        check_pattern(pattern)
    except PatternError as error:
        return str(error)
    return None


def _dialect_problem(pattern: str) -> str | None:
    """Look at a pattern whose escapes are taken out."""
    if "\\" in pattern or '"' in pattern:
        return (
            "the engine takes no quotation mark, no backslash, and of the escapes only those of "
            "punctuation and \\d \\D \\w \\W \\s \\S"
        )
    rest = _CLASS.sub("x", pattern)
    if "^" in rest[1:] or "$" in rest[:-1]:
        return "the engine ignores `^` and `$` but at the ends; it always matches the whole string"
    if "{" in _TIMES.sub("", rest):
        return "the engine takes `{` as the beginning of `{m}`, `{m,}` or `{m,n}`: escape any other"
    if any(max(map(_count, times)) > _MOST_TIMES for times in _TIMES.findall(rest)):
        return f"the engine repeats nothing more than {_MOST_TIMES} times; `maxLength` can be more"
    return None


def _count(digits: str) -> int:
    return int(digits or 0)


def _ref_problems(
    node: Mapping[str, Any], place: str, root: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    target = node.get("$ref")
    if target is None:
        return
    name = str(target).removeprefix("#/$defs/")
    if name == target or name not in root.get("$defs", {}):
        yield f"{place}/$ref", f"{target!r} is not one of this schema's own #/$defs"
