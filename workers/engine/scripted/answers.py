"""Answers of the scripted engine: data that fits a JSON Schema, taken from the document.

The same document and schema give the same answer. Values are copied from the document where the
schema lets them be; they need not be the right ones. Pure.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workers.engine.scripted.strings import sample_format, sample_pattern

_NUMBER = re.compile(r"(?<![\w.])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])-?\d+(?:\.\d+)?")
_DEEP = 6
_FEW = 2
_FREE_TEXT_WORDS = 40


def scripted_text(document: str) -> str:
    """An answer without a schema: the document's first words."""
    return " ".join(document.split()[:_FREE_TEXT_WORDS]) or "Nothing."


def scripted_data(schema: Mapping[str, Any], document: str) -> Any:
    """Data that fits a schema that `check_guidable` takes."""
    return _Walk(schema, document).value(schema, "#", 0)


class _Walk:
    """One walk through a schema; each value depends on its place and on the document."""

    def __init__(self, root: Mapping[str, Any], document: str) -> None:
        self._root = root
        self._document = document
        self._lines = [line.strip() for line in document.splitlines() if line.strip()] or ["none"]
        found = _NUMBER.findall(document)
        self._numbers = [float(number.replace(",", "")) for number in found]

    def value(self, node: Any, place: str, depth: int) -> Any:
        if isinstance(node, bool):
            return self._line(place)
        if "$ref" in node:
            target = self._root["$defs"][str(node["$ref"]).removeprefix("#/$defs/")]
            return self.value(target, place, depth + 1)
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return self._choose(node["enum"], place)
        if "anyOf" in node:
            return self.value(self._branch(node["anyOf"], depth), place, depth + 1)
        return self._typed(_type(node, depth), node, place, depth)

    def _typed(self, kind: str, node: Mapping[str, Any], place: str, depth: int) -> Any:
        make: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(node, place, depth),
            "array": lambda: self._array(node, place, depth),
            "string": lambda: self._string(node, place),
            "integer": lambda: self._integer(node),
            "number": lambda: self._number(node),
            "boolean": lambda: self._choose([False, True], place),
            "null": lambda: None,
        }
        return make[kind]()

    def _branch(self, branches: Sequence[Any], depth: int) -> Any:
        """The first; deep down the last that ends a recursion, if there is one."""
        ends = [branch for branch in branches if "$ref" not in branch]
        return ends[-1] if depth > _DEEP and ends else branches[0]

    def _object(self, node: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        declared = node.get("properties", {})
        required = node.get("required", ())
        names = [name for name in declared if name in required or depth <= _DEEP]
        most = node.get("maxProperties", len(names))
        dropped = [name for name in reversed(names) if name not in required]
        dropped = dropped[: max(0, len(names) - most)]
        data = {
            name: self.value(declared[name], f"{place}/{name}", depth + 1)
            for name in names
            if name not in dropped
        }
        others = node.get("additionalProperties", True)
        for name in declared:
            if len(data) < node.get("minProperties", 0) and name not in data:
                data[name] = self.value(declared[name], f"{place}/{name}", depth + 1)
        for number in range(node.get("minProperties", 0) - len(data)):
            name = f"field_{number + 1}"
            data[name] = self.value(others, f"{place}/{name}", depth + 1)
        return data

    def _array(self, node: Mapping[str, Any], place: str, depth: int) -> list[Any]:
        first = node.get("prefixItems", ())
        rest = node.get("items", True)
        least = node.get("minItems", 0)
        length = max(least, len(first), 0 if depth > _DEEP or rest is False else _FEW)
        length = min(length, node.get("maxItems", length))
        return [
            self.value(first[index] if index < len(first) else rest, f"{place}/{index}", depth + 1)
            for index in range(length)
        ]

    def _integer(self, node: Mapping[str, Any]) -> int:
        low, high = _bounds(node)
        low = math.floor(low) + 1 if low == node.get("exclusiveMinimum") else low
        high = math.ceil(high) - 1 if high == node.get("exclusiveMaximum") else high
        for number in self._numbers:
            if number.is_integer() and low <= number <= high:
                return int(number)
        return math.ceil(low) if low > 0 else min(0, math.floor(high)) if high < 0 else 0

    def _number(self, node: Mapping[str, Any]) -> float:
        low, high = _bounds(node)
        open_low = low == node.get("exclusiveMinimum")
        open_high = high == node.get("exclusiveMaximum")
        for number in [*self._numbers, 0.0]:
            above = number > low or (number == low and not open_low)
            below = number < high or (number == high and not open_high)
            if above and below:
                return int(number) if number.is_integer() else number
        if math.isinf(low):
            return high - 1
        return low + 1 if math.isinf(high) else (low + high) / 2

    def _string(self, node: Mapping[str, Any], place: str) -> str:
        if "pattern" in node:
            words = (word for word in self._document.split() if re.fullmatch(node["pattern"], word))
            return next(words, None) or sample_pattern(node["pattern"])
        if "format" in node:
            return sample_format(node["format"], self._hash(place))
        text = self._line(place)
        least, most = node.get("minLength", 0), node.get("maxLength")
        while len(text) < least:
            text = f"{text} {text}"
        return text if most is None else text[:most]

    def _line(self, place: str) -> str:
        return str(self._choose(self._lines, place))

    def _choose(self, options: Sequence[Any], place: str) -> Any:
        return options[self._hash(place) % len(options)]

    def _hash(self, place: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{place}\0{self._document}".encode()).digest()[:8])


def _type(node: Mapping[str, Any], depth: int) -> str:
    named = node.get("type", "string")
    if isinstance(named, str):
        return named
    if depth > _DEEP and "null" in named:
        return "null"
    return next((str(name) for name in named if name != "null"), "null")


def _bounds(node: Mapping[str, Any]) -> tuple[float, float]:
    low = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
    high = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
    return low, high
