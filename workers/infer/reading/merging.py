"""Merging: what several windows say becomes one answer; where they disagree, all is kept. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.infer.grounding.leaves import escaped


@dataclass
class Merged:
    """One answer out of many.

    Attributes:
        data: Of the schema that each of them followed.
        alternatives: Other values that windows gave, the likelier first, by JSON pointer.
    """

    data: Any
    alternatives: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def merged(answers: Sequence[Any], is_grounded: Sequence[frozenset[str]]) -> Merged:
    """Merge the answers of windows.

    Objects are merged by property and lists are joined. For a single value, one that stands in
    the document comes before one that does not, then the one that more windows gave, then the one
    of the window that ranks higher.

    Args:
        answers: The likeliest window's first; each valid against one schema.
        is_grounded: For each answer, the JSON pointers of the values that its window holds.
    """
    result = Merged(None)
    result.data = _merge(list(answers), list(is_grounded), "", result.alternatives)
    return result


def _merge(
    answers: list[Any],
    grounded: list[frozenset[str]],
    pointer: str,
    alternatives: dict[str, tuple[Any, ...]],
) -> Any:
    there = [(a, g) for a, g in zip(answers, grounded, strict=True) if a is not None]
    if not there:
        return None
    values = [value for value, _ in there]
    if all(isinstance(value, Mapping) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {
            name: _merge(
                [value.get(name) for value in values],
                [places for _, places in there],
                f"{pointer}/{escaped(name)}",
                alternatives,
            )
            for name in names
        }
    if all(isinstance(value, list) for value in values):
        return list({_key(item): item for value in values for item in value}.values())
    return _one(there, pointer, alternatives)


def _one(
    there: Sequence[tuple[Any, frozenset[str]]],
    pointer: str,
    alternatives: dict[str, tuple[Any, ...]],
) -> Any:
    votes: Counter[str] = Counter()
    values: dict[str, Any] = {}
    is_grounded: set[str] = set()
    for value, places in there:
        key = _key(value)
        votes[key] += 1
        values.setdefault(key, value)
        if pointer in places:
            is_grounded.add(key)
    order = sorted(values, key=lambda key: (key not in is_grounded, -votes[key]))
    if is_grounded:  # what no page holds is no alternative to what one does
        order = [key for key in order if key in is_grounded]
    if order[1:]:
        alternatives[pointer] = tuple(values[key] for key in order[1:])
    return values[order[0]]


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
