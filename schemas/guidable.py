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
FORMATS = frozenset({"date", "time", "date-time", "email", "uuid", "ipv4", "ipv6", "uri"})
_LOOKAROUND = re.compile(r"\(\?[=!<]")


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
    for place, problem in _problems(schema, "#", schema):
        raise UnguidableSchemaError(f"{place}: {problem}")


def _problems(node: Any, place: str, root: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(node, bool):
        return
    types = _types(node)
    known = NOTES | EVERYWHERE | frozenset().union(*(GUIDED[name] for name in types))
    for keyword in node:
        if keyword not in known:
            of = f" for type {'/'.join(sorted(types))}" if types else " without a type"
            yield f"{place}/{keyword}", f"the engine does not enforce `{keyword}`{of}"
    yield from _string_problems(node, place)
    yield from _ref_problems(node, place, root)
    for step, child in _children(node):
        yield from _problems(child, f"{place}/{step}", root)


def _types(node: Mapping[str, Any]) -> frozenset[str]:
    named = node.get("type", ())
    return frozenset([named] if isinstance(named, str) else named)


def _string_problems(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    bounded = {"minLength", "maxLength"} & node.keys()
    shaped = {"pattern", "format"} & node.keys()
    if bounded and shaped:
        yield place, "the engine enforces a length or a pattern or format, not both"
    if _LOOKAROUND.search(str(node.get("pattern", ""))):
        yield f"{place}/pattern", "the engine ignores lookahead and lookbehind"
    if "format" in node and node["format"] not in FORMATS:
        yield (
            f"{place}/format",
            f"the engine enforces only the formats {', '.join(sorted(FORMATS))}",
        )


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
