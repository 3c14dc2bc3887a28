"""The schemas inside a schema, and where each of them is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.json_schema.pointer import escaped


def children(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield each schema right inside another, with the steps that lead to it.

    Args:
        node: A schema; one that is not as it should be has no children.
    """
    if not isinstance(node, dict):
        return
    for keyword, below in node.items():
        if keyword in {"properties", "$defs"} and isinstance(below, dict):
            yield from ((f"{keyword}/{escaped(name)}", child) for name, child in below.items())
        elif keyword in {"prefixItems", "anyOf"} and isinstance(below, list):
            yield from ((f"{keyword}/{index}", child) for index, child in enumerate(below))
        elif keyword in {"items", "additionalProperties"}:
            yield keyword, below


def listed(node: Mapping[str, Any]) -> list[Any]:
    """Give the values that `enum` and `const` list."""
    return [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
