"""Cost of a stranger's JSON Schema, to those who check it and to the engine. Pure.

These are the bounds that need no engine. An infer worker compiles the schema before its engine
sees it, and has the last word (`workers/engine/vllm/grammars.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from schemas.json_schema.pattern import CostlyPatternError, open_states
from schemas.json_schema.shortest import shortest_problem
from schemas.json_schema.walk import children, listed

_MOST_SCHEMAS = 1000
"""In all, the nested ones included."""
_MOST_DEPTH = 32
_LONGEST_PATTERN = 2000
_MOST_OPEN_STATES = 10_000
"""Of a pattern; the engine takes 0.3 to 1.2 ms for each."""
_MOST_OPEN_STATES_IN_ALL = 20_000
_MOST_OPTIONAL = 500
"""Properties of an object that may be left out: the grammar has a rule for each pair of them."""
_MOST_OPTIONAL_COUNTED = 80
"""The same beside `minProperties` or `maxProperties`: a rule for each pair and number."""
_MOST_LENGTHS = 50
"""Different pairs of `minLength` and `maxLength`; the engine takes up to 1.2 s for each."""
_MOST_ENUM_CHARACTERS = 50_000
_MOST = {
    "maxItems": 10_000,
    "maxProperties": 10_000,
    "maxLength": 100_000,
    "minItems": 10_000,
    "minProperties": 10_000,
    "minLength": 10_000,
}

Placed = tuple[str, Mapping[str, Any]]
"""A schema and its place."""


def shape_problem(schema: Any) -> str | None:
    """Say why a schema is too large to be looked at, with the place; None where it is not.

    Args:
        schema: Anything.
    """
    depths = {"#": 1}
    for number, (place, node) in enumerate(_walk(schema), 1):
        if number > _MOST_SCHEMAS:
            return f"more than {_MOST_SCHEMAS:,} schemas, one in another"
        depth = depths.pop(place)
        if depth > _MOST_DEPTH:
            return f"{place}: schemas are nested more than {_MOST_DEPTH} deep"
        depths |= {f"{place}/{step}": depth + 1 for step, _ in children(node)}
    return None


def cost_problem(schema: Mapping[str, Any]) -> str | None:
    """Say why a schema would cost too much, with the place; None where it would not.

    Args:
        schema: JSON Schema of a shape and a form that were looked at.
    """
    found = list(_walk(schema))
    problems = chain(
        chain.from_iterable(_own_problems(place, node) for place, node in found),
        _pattern_problems(found),
        _length_problems(found),
        _enum_problems(found),
    )
    return next(problems, None) or shortest_problem(schema)


def costliest_place(schema: Mapping[str, Any]) -> str:
    """Give the place that makes a schema costly to compile, as far as that can be told.

    Args:
        schema: JSON Schema of a shape and a form that were looked at.
    """
    return max(_walk(schema), key=lambda placed: _weight(placed[1]))[0]


def _weight(node: Mapping[str, Any]) -> float:
    """Guess what compiling one schema takes, in the unit of one open state."""
    weight = _optional(node) ** 2 / 50 + sum(len(str(value)) for value in listed(node)) / 6
    if {"minLength", "maxLength"} & node.keys():
        weight += 10 * min(node.get("maxLength", node.get("minLength", 0)), 300)
    if "pattern" in node:
        try:
            weight += open_states(node["pattern"], _MOST_OPEN_STATES)
        except CostlyPatternError:
            weight += _MOST_OPEN_STATES
    return weight


def _optional(node: Mapping[str, Any]) -> int:
    return len(node.get("properties", {}).keys() - set(node.get("required", ())))


def _walk(schema: Any) -> Iterator[Placed]:
    """Yield all schemas in one, itself first."""
    todo = [("#", schema)]
    while todo:
        place, node = todo.pop()
        if isinstance(node, dict):
            yield place, node
            todo += [(f"{place}/{step}", child) for step, child in children(node)]


def _own_problems(place: str, node: Mapping[str, Any]) -> Iterator[str]:
    if any(isinstance(value, dict | list) for value in listed(node)):
        yield f"{place}: a value of `enum` or `const` is text, a number, true, false or null"
    for keyword, most in _MOST.items():
        if node.get(keyword, 0) > most:
            yield f"{place}/{keyword}: more than {most:,}"
    optional = _optional(node)
    counted = [keyword for keyword in ("minProperties", "maxProperties") if keyword in node]
    most = _MOST_OPTIONAL_COUNTED if counted else _MOST_OPTIONAL
    if optional > most:
        beside = f" beside `{counted[0]}`" if counted else ""
        yield (
            f"{place}/properties: {optional} of them may be left out, and {most} may be at most"
            f"{beside}: list in `required` those that have to be there"
        )


def _pattern_problems(found: list[Placed]) -> Iterator[str]:
    """Count each pattern once, for so the engine compiles them."""
    total = 0
    for pattern, place in {node["pattern"]: at for at, node in found if "pattern" in node}.items():
        if len(pattern) > _LONGEST_PATTERN:
            yield f"{place}/pattern: more than {_LONGEST_PATTERN:,} characters"
            continue
        try:
            total += open_states(pattern, _MOST_OPEN_STATES)
        except CostlyPatternError as error:
            yield f"{place}/pattern: {error}"
        if total > _MOST_OPEN_STATES_IN_ALL:
            yield f"{place}/pattern: the patterns of the schema are too many or too long together"


def _length_problems(found: list[Placed]) -> Iterator[str]:
    different = set()
    for place, node in found:
        different.add((node.get("minLength"), node.get("maxLength")))
        if len(different) > _MOST_LENGTHS:
            words = "different pairs of `minLength` and `maxLength`"
            yield f"{place}: more than {_MOST_LENGTHS} {words}"
            return


def _enum_problems(found: list[Placed]) -> Iterator[str]:
    total = 0
    for place, node in found:
        total += sum(len(value) for value in listed(node) if isinstance(value, str))
        if total > _MOST_ENUM_CHARACTERS:
            yield f"{place}/enum: the values have more than {_MOST_ENUM_CHARACTERS:,} characters"
            return
