"""Choices: leaf values that the schema lists, and the document need not spell out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.json_schema.pointer import steps_of


def is_choice(schema: Mapping[str, Any], pointer: str) -> bool:
    """Tell whether a leaf of valid data is one of the listed values or a truth value.

    Args:
        schema: A guidable schema: `$ref` points into `$defs`.
        pointer: JSON pointer of the leaf.
    """
    return any(
        "enum" in found or "const" in found or found.get("type") == "boolean"
        for found in subschemas(schema, pointer)
    )


def subschemas(schema: Mapping[str, Any], pointer: str) -> list[Mapping[str, Any]]:
    """Return all subschemas that may describe the value at a JSON pointer."""
    found = list(_resolved(schema, schema))
    for name in steps_of(pointer):
        found = [
            resolved
            for one in found
            for child in _children(one, name)
            for resolved in _resolved(schema, child)
        ]
    return found


def _children(schema: Mapping[str, Any], name: str) -> Iterator[Any]:
    if name in schema.get("properties", {}):
        yield schema["properties"][name]
    elif name.isdigit() and "items" in schema:
        yield schema["items"]
    elif isinstance(more := schema.get("additionalProperties"), Mapping):
        yield more


def _resolved(root: Mapping[str, Any], schema: Any) -> Iterator[Mapping[str, Any]]:
    """Follow `$ref` and the branches of `anyOf` and `oneOf`."""
    if not isinstance(schema, Mapping):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        yield from _resolved(root, root.get("$defs", {}).get(reference.removeprefix("#/$defs/")))
        return
    yield schema
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _resolved(root, branch)
