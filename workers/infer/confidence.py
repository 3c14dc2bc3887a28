"""Confidence: the probability of each leaf value, from the tokens that spell it. Pure.

The engine's probabilities are those of a guided choice: a token that the grammar forced has
probability 1 and changes nothing.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from schemas.json_schema.pointer import escaped
from workers.engine.protocol import TokenChoice

_SPACE = " \t\n\r"
_DECODER = json.JSONDecoder(strict=False)


def value_confidence(text: str, tokens: Sequence[TokenChoice]) -> dict[str, float]:
    """Return the joint probability of the tokens of each leaf value.

    Args:
        text: Valid JSON, as the engine wrote it.
        tokens: All of its tokens, which add up to the text.

    Returns:
        Values from 0 to 1, by JSON pointer. Null is a value too: it says that there is none.
    """
    if not tokens:
        return {}
    found: dict[str, float] = {}
    places = list(_places(text, tokens))
    for pointer, start, end in _spans(text):
        chosen = [logprob for first, last, logprob in places if first < end and last > start]
        found[pointer] = round(min(1.0, math.exp(math.fsum(chosen))), 4)
    return found


def calibrated(confidence: float, curve: Sequence[tuple[float, float]]) -> float:
    """Return the share of right values that a task's curve gives for a confidence.

    Args:
        confidence: From 0 to 1.
        curve: Points with rising confidence; between two of them the curve is straight, and
            beyond the last ones level. Without points, the confidence stays.
    """
    if not curve:
        return confidence
    after = bisect_right(curve, confidence, key=lambda point: point[0])
    if after in {0, len(curve)}:
        return curve[min(after, len(curve) - 1)][1]
    (left, low), (right, high) = curve[after - 1 : after + 1]
    return round(low + (high - low) * (confidence - left) / (right - left), 4)


def _places(text: str, tokens: Sequence[TokenChoice]) -> Iterator[tuple[int, int, float]]:
    """Return the characters of each token; a part of a character counts where the character is."""
    position = 0
    for token in tokens:
        is_there = token.text and text.startswith(token.text, position)
        end = position + (len(token.text) if is_there else 0)
        yield position, max(end, position + 1), token.logprob
        position = end


def _spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Walk valid JSON; yield each leaf's pointer, its first character and the one after it."""
    spans: list[tuple[str, int, int]] = []
    _walk(text, _skip(text, 0), "", spans)
    return iter(spans)


def _walk(text: str, at: int, pointer: str, spans: list[tuple[str, int, int]]) -> int:
    if text[at] == "{":
        return _members(text, at, pointer, spans)
    if text[at] == "[":
        return _items(text, at, pointer, spans)
    end = _DECODER.raw_decode(text, at)[1]
    spans.append((pointer, at, end))
    return end


def _members(text: str, at: int, pointer: str, spans: list[tuple[str, int, int]]) -> int:
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, end) + 1)
        at = _after(text, _walk(text, value, f"{pointer}/{escaped(name)}", spans))
    return at + 1


def _items(text: str, at: int, pointer: str, spans: list[tuple[str, int, int]]) -> int:
    at = _skip(text, at + 1)
    index = 0
    while text[at] != "]":
        at = _after(text, _walk(text, at, f"{pointer}/{index}", spans))
        index += 1
    return at + 1


def _after(text: str, at: int) -> int:
    """Return the place of the next member, or of the closing bracket."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
