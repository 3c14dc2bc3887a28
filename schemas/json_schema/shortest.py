"""The shortest answer that a schema takes: references multiply it, as arrays do. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from schemas.json_schema.pointer import escaped
from schemas.json_schema.walk import listed

_MOST_CHARACTERS = 100_000
_MOST_DEPTH = 100
"""Schemas and references, one in another; more would not fit Python's stack."""
_MOST_REFERENCES = 20_000
"""Followed in all: alternatives that lead to each other double at each step."""
_OF_TYPE = {"string": 2, "boolean": 4, "null": 4, "array": 2}


class _TooLongError(Exception):
    """The shortest answer is too long, or cannot be found."""


def shortest_problem(schema: Mapping[str, Any]) -> str | None:
    """Say where the shortest answer is too long, or that there is none; None where all is well.

    Args:
        schema: JSON Schema of a form that was looked at.
    """
    try:
        least = _Shortest(schema).of(schema, "#")
    except _TooLongError as error:
        return str(error)
    return "#: no answer has an end, for each would hold another" if least == math.inf else None


class _Shortest:
    """Finds how many characters an answer has at least.

    Args:
        root: The schema.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._defs: Mapping[str, Any] = root.get("$defs", {})
        self._known: dict[str, float] = {}
        self._open: set[str] = set()
        self._depth = self._followed = 0

    def of(self, node: Any, place: str) -> float:
        """Give the characters of a place's shortest answer; infinite where there is none.

        Raises:
            _TooLongError: They are too many.
        """
        if not isinstance(node, dict):
            return 1
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise _TooLongError(f"{place}: more than {_MOST_DEPTH} schemas, one in another")
        least = self._of_schema(node, place)
        self._depth -= 1
        if _MOST_CHARACTERS < least < math.inf:
            raise _TooLongError(
                f"{place}: the shortest answer has more than {_MOST_CHARACTERS:,} characters"
            )
        return least

    def _of_schema(self, node: Mapping[str, Any], place: str) -> float:
        if "$ref" in node:
            return self._referred(str(node["$ref"]), place)
        if values := listed(node):
            return min(len(json.dumps(value)) for value in values)
        if "anyOf" in node:
            ways = enumerate(node["anyOf"])
            return min(self.of(one, f"{place}/anyOf/{index}") for index, one in ways)
        named = node.get("type", ())
        types = [named] if isinstance(named, str) else named
        return min((self._of_type(name, node, place) for name in types), default=1)

    def _referred(self, target: str, place: str) -> float:
        self._followed += 1
        if self._followed > _MOST_REFERENCES:
            raise _TooLongError(f"{place}: more than {_MOST_REFERENCES:,} references to follow")
        name = target.removeprefix("#/$defs/")
        if name in self._open:  # a shortest answer never holds itself
            return math.inf
        if name not in self._known:
            self._open.add(name)
            least = self.of(self._defs.get(name), f"#/$defs/{escaped(name)}")
            self._open.remove(name)
            if least == math.inf:  # it may be another's beginning that kept it from an end
                return least
            self._known[name] = least
        return self._known[name]

    def _of_type(self, name: str, node: Mapping[str, Any], place: str) -> float:
        least: float = _OF_TYPE.get(name, 1)
        if name == "string":
            least += node.get("minLength", 0)
        elif name == "array":
            least += self._items(node, place, node.get("minItems", 0))
        elif name == "object":
            least = 2 + self._required(node, place) + 4 * node.get("minProperties", 0)
        return least

    def _items(self, node: Mapping[str, Any], place: str, count: int) -> float:
        first = node.get("prefixItems", ())[:count]
        own = (self.of(one, f"{place}/prefixItems/{number}") for number, one in enumerate(first))
        rest = count - len(first)
        items = self.of(node.get("items"), f"{place}/items") if rest else 0
        return sum(own) + rest * items + count

    def _required(self, node: Mapping[str, Any], place: str) -> float:
        """Give up at the first property without an end: the others need not be looked at."""
        least: float = 0
        for name in node.get("required", ()):
            child = node.get("properties", {}).get(name)
            least += len(name) + 4 + self.of(child, f"{place}/properties/{escaped(name)}")
            if least == math.inf:
                break
        return least
