"""Bounds of an answer: what a task's schema leaves open gets an end, so that no answer runs away.

The engine is held to the bounded schema; an answer to it is valid by the task's own, too. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BOUND_STRING = frozenset({"maxLength", "pattern", "format", "enum", "const"})
_BOUND_ARRAY = frozenset({"maxItems", "enum", "const"})
_LEAST_ITEMS = 8
_WORDS_OF_VALUE = 2
"""Words of a document for each value of an item, its name or its heading included."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ends of an answer about a text.

    Attributes:
        characters: Maximum characters of an open string.
        lines: Lines of the text that are not blank; a table has a row on each at most.
        words: Words of the text.
    """

    characters: int
    lines: int
    words: int

    @classmethod
    def of(cls, text: str, *, tokens: int) -> Bounds:
        """Return the bounds of an answer of so many tokens about a text."""
        lines = sum(1 for line in text.splitlines() if line.strip())
        return cls(tokens, lines, len(text.split()))

    def items(self, item: Any) -> int:
        """Return how many items of this schema the text can give, rounded up.

        Each bound is a grammar of its own: of powers of two, few are compiled.
        """
        values = len(item.get("required", ())) if isinstance(item, Mapping) else 0
        most = max(self.lines, self.words // (_WORDS_OF_VALUE * values)) if values else self.words
        return max(_LEAST_ITEMS, 1 << max(most - 1, 0).bit_length())


def bounded(schema: Mapping[str, Any], bounds: Bounds) -> dict[str, Any]:
    """Return a guidable schema with an end for each string and each array that has none."""
    return _Bounding(schema.get("$defs", {}), bounds).of(schema)


class _Bounding:
    def __init__(self, definitions: Mapping[str, Any], bounds: Bounds) -> None:
        self._definitions = definitions
        self._bounds = bounds

    def of(self, node: Mapping[str, Any]) -> dict[str, Any]:
        found = {key: self._below(key, value) for key, value in node.items()}
        named = node.get("type", ())
        types = (named,) if isinstance(named, str) else named
        if "string" in types and not _BOUND_STRING & node.keys():
            found["maxLength"] = max(self._bounds.characters, node.get("minLength", 0))
        if "array" in types and "items" in node and not _BOUND_ARRAY & node.keys():
            first = len(node.get("prefixItems", ()))
            items = self._bounds.items(self._resolved(node["items"]))
            found["maxItems"] = max(first + items, node.get("minItems", 0))
        return found

    def _below(self, key: str, value: Any) -> Any:
        """Bound the schemas under a keyword, and no values."""
        if key in {"properties", "$defs"}:
            return {name: self._child(child) for name, child in value.items()}
        if key in {"anyOf", "prefixItems"}:
            return [self._child(child) for child in value]
        if key in {"items", "additionalProperties"}:
            return self._child(value)
        return value

    def _child(self, node: Any) -> Any:
        return self.of(node) if isinstance(node, Mapping) else node

    def _resolved(self, node: Any) -> Any:
        target = node.get("$ref", "") if isinstance(node, Mapping) else ""
        return self._definitions.get(target.removeprefix("#/$defs/"), node)
