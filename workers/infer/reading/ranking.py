"""Ranking: the windows most likely to answer a task. Pure.

Okapi BM25 over words; the query is the task's instructions and the names in its schema.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SATURATION = 1.2
_LENGTH_WEIGHT = 0.75
_NAMES = ("title", "description")


def ranked(texts: Sequence[str], query: str) -> list[int]:
    """Return the indexes of the texts, the most likely first; equals keep their order."""
    counts = [Counter(_words(text)) for text in texts]
    lengths = [sum(count.values()) for count in counts]
    mean = max(sum(lengths) / max(len(lengths), 1), 1)
    words = set(_words(query))
    rarity = {
        word: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
        for word in words
        if (n := sum(word in count for count in counts))
    }

    def score(index: int) -> float:
        damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * lengths[index] / mean)
        return sum(
            weight * counts[index][word] * (_SATURATION + 1) / (counts[index][word] + damping)
            for word, weight in rarity.items()
        )

    return sorted(range(len(texts)), key=lambda index: -score(index))


def query_of(instructions: str, schema: Mapping[str, Any]) -> str:
    """Return the words that a task looks for."""
    return " ".join((instructions, *_names(schema)))


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for name, child in schema.get("properties", {}).items():
            yield re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ")
            yield from _names(child)
        for name in _NAMES:
            if isinstance(schema.get(name), str):
                yield schema[name]
        for key in ("items", "anyOf", "oneOf", "allOf", "$defs"):
            children = schema.get(key, ())
            for child in children.values() if key == "$defs" and children else _listed(children):
                yield from _names(child)


def _listed(child: Any) -> Sequence[Any]:
    return child if isinstance(child, (list, tuple)) else (child,)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
