"""What a JSON Schema of a stranger may cost those who check it, and the engine. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_MOST_SCHEMAS = 1000
"""In all, the nested ones included."""
_MOST_DEPTH = 32
_MOST_REPEATED = 500
"""Characters and classes of a pattern once `{m,n}` is written out, as the engine does; it hangs on
some with more."""
_MOST_GROUPS = 32
"""Of a pattern, one in another."""
_LONGEST_PATTERN = 2000
_IN_PATTERN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d+)(?:,(?P<most>\d*))?\}|.", re.DOTALL
)


def cost_problem(schema: Mapping[str, Any]) -> str | None:
    """Why a schema would cost too much, with the place; None where it does not.

    Args:
        schema: JSON Schema, however odd it is.
    """
    todo: list[tuple[str, int, Any]] = [("#", 1, schema)]
    seen = 0
    while todo:
        place, depth, node = todo.pop()
        if not isinstance(node, dict):
            continue
        seen += 1
        if seen > _MOST_SCHEMAS:
            return f"more than {_MOST_SCHEMAS:,} schemas, one in another"
        if depth > _MOST_DEPTH:
            return f"schemas are nested more than {_MOST_DEPTH} deep"
        if problem := _own_problem(node):
            return f"{place}{problem}"
        todo += [(f"{place}/{step}", depth + 1, child) for step, child in _children(node)]
    return None


def _own_problem(node: Mapping[str, Any]) -> str | None:
    values = node.get("enum")
    for value in (*(values if isinstance(values, list) else ()), node.get("const")):
        if isinstance(value, dict | list):
            return ": a value of `enum` or `const` is text, a number, true, false or null"
    pattern = node.get("pattern")
    return _pattern_problem(pattern) if isinstance(pattern, str) else None


def _pattern_problem(pattern: str) -> str | None:
    if len(pattern) > _LONGEST_PATTERN:
        return f"/pattern: more than {_LONGEST_PATTERN:,} characters"
    sizes, last = [0], 0  # of the groups that are open, and of what stands before a repetition
    for token in _IN_PATTERN.finditer(pattern):
        if token[0] == "(":
            sizes.append(0)
        elif token[0] == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif token["least"] is not None:
            times = int(token["most"] or token["least"])
            sizes[-1] += last * (times - 1)
            last *= times
        else:
            last = 1
            sizes[-1] += last
        if len(sizes) > _MOST_GROUPS:
            return f"/pattern: more than {_MOST_GROUPS} groups, one in another"
        if sizes[-1] > _MOST_REPEATED:
            return f"/pattern: more than {_MOST_REPEATED} characters with its repetitions"
    return None


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword, below in node.items():
        if keyword in {"properties", "$defs"} and isinstance(below, dict):
            yield from ((f"{keyword}/{name}", child) for name, child in below.items())
        elif isinstance(below, list) and keyword in {"prefixItems", "anyOf"}:
            yield from ((f"{keyword}/{index}", child) for index, child in enumerate(below))
        elif keyword in {"items", "additionalProperties"}:
            yield keyword, below
