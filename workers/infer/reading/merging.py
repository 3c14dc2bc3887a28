"""Merging: the answers of several windows become one; where they differ, all values are kept.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.json_schema.pointer import escaped


@dataclass(frozen=True, slots=True)
class WindowAnswer:
    """The answer of one window.

    Attributes:
        data: Follows the task's schema.
        grounded: JSON pointers of the values that the window holds.
        confidence: From 0 to 1, by JSON pointer of a leaf value.
    """

    data: Any
    grounded: frozenset[str]
    confidence: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Merged:
    """One answer out of many.

    Attributes:
        data: Data of the windows' common schema.
        confidence: Of the chosen values, by JSON pointer.
        alternatives: Other values that windows gave, the most likely first, by JSON pointer.
    """

    data: Any = None
    confidence: dict[str, float] = field(default_factory=dict)
    alternatives: dict[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass
class _Candidate:
    """One value that windows gave, with the reasons for it."""

    value: Any
    votes: int = 0
    is_grounded: bool = False
    confidence: float | None = None


def merged(answers: Sequence[WindowAnswer]) -> Merged:
    """Merge the answers of windows.

    Objects are merged by property and lists are joined. For a single value, a value that the
    document contains comes first, then the value of more windows, then that of the window with the
    higher rank.

    Args:
        answers: The most likely window's answer first; each valid against one schema.
    """
    result = Merged()
    result.data = _merge(answers, "", result)
    return result


def _merge(answers: Sequence[WindowAnswer], pointer: str, result: Merged) -> Any:
    there = [answer for answer in answers if answer.data is not None]
    if not there:
        return None
    if all(isinstance(answer.data, Mapping) for answer in there):
        return {
            name: _merge(
                [replace(answer, data=answer.data.get(name)) for answer in there],
                f"{pointer}/{escaped(name)}",
                result,
            )
            for name in dict.fromkeys(name for answer in there for name in answer.data)
        }
    if all(isinstance(answer.data, list) for answer in there):
        return list({_key(item): item for answer in there for item in answer.data}.values())
    return _one(there, pointer, result)


def _one(there: Sequence[WindowAnswer], pointer: str, result: Merged) -> Any:
    candidates: dict[str, _Candidate] = {}
    for answer in there:
        one = candidates.setdefault(_key(answer.data), _Candidate(answer.data))
        one.votes += 1
        one.is_grounded |= pointer in answer.grounded
        if pointer in answer.confidence:
            one.confidence = max(one.confidence or 0, answer.confidence[pointer])
    order = sorted(candidates.values(), key=lambda one: (not one.is_grounded, -one.votes))
    if order[0].is_grounded:  # a value on no page is no alternative to a value on a page
        order = [one for one in order if one.is_grounded]
    if order[1:]:
        result.alternatives[pointer] = tuple(one.value for one in order[1:])
    if order[0].confidence is not None:
        result.confidence[pointer] = order[0].confidence
    return order[0].value


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
