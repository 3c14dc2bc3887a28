"""Strings that match a pattern or a format of JSON Schema. Pure."""

from __future__ import annotations

import importlib
import re
import uuid
from collections.abc import Iterable
from typing import Any

_CANDIDATES = "a0A -_.,:;!?/#@+*()ä1b"


def sample_pattern(pattern: str) -> str:
    """Return a short string that a regular expression matches; no lookaround, no references."""
    parsed = importlib.import_module("re._parser").parse(pattern)
    return "".join(_sample(step) for step in parsed)


def _sample(step: tuple[Any, Any]) -> str:
    kind, argument = str(step[0]), step[1]
    match kind:
        case "LITERAL":
            return chr(int(argument))
        case "NOT_LITERAL" | "ANY" | "IN":
            return _one_of(step)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, _, body = argument
            return "".join(_sample(inner) for inner in body) * int(least)
        case "SUBPATTERN":
            return "".join(_sample(inner) for inner in argument[3])
        case "BRANCH":
            return "".join(_sample(inner) for inner in argument[1][0])
        case "AT":
            return ""
        case _:
            raise ValueError(f"a pattern with {kind} cannot be answered")


def _one_of(step: tuple[Any, Any]) -> str:
    """Return a character of a set."""
    kind, argument = str(step[0]), step[1]
    if kind == "ANY":
        return "a"
    if kind == "NOT_LITERAL":
        return next(character for character in _CANDIDATES if character != chr(int(argument)))
    members: list[tuple[Any, Any]] = list(argument)
    own: list[str] = [chr(code) for member in members for code in _codes(member)]
    candidates: list[str] = [*own, *_CANDIDATES]
    return next(character for character in candidates if _admits(members, character))


def _codes(member: tuple[Any, Any]) -> Iterable[int]:
    kind, argument = str(member[0]), member[1]
    if kind == "LITERAL":
        return [argument]
    return [argument[0]] if kind == "RANGE" else []


def _admits(members: list[tuple[Any, Any]], character: str) -> bool:
    negated = bool(members) and str(members[0][0]) == "NEGATE"
    return negated != any(_has(member, character) for member in members)


def _has(member: tuple[Any, Any], character: str) -> bool:
    kind, argument = str(member[0]), member[1]
    match kind:
        case "LITERAL":
            return bool(ord(character) == argument)
        case "RANGE":
            return bool(argument[0] <= ord(character) <= argument[1])
        case "CATEGORY":
            return re.fullmatch(_CATEGORIES[str(argument)], character) is not None
        case _:
            return False


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def sample_format(name: str, seed: int) -> str:
    """Return a string of a format; another seed gives another string.

    Args:
        name: One of schemas.guidable.FORMATS.
        seed: 0 or more.
    """
    date = f"20{seed % 30:02}-{seed % 12 + 1:02}-{seed % 28 + 1:02}"
    time = f"{seed % 24:02}:{seed % 60:02}:00Z"
    samples = {
        "date": date,
        "time": time,
        "date-time": f"{date}T{time}",
        "duration": f"P{seed % 90 + 1}D",
        "email": f"reader{seed % 1000}@example.com",
        "hostname": f"host{seed % 1000}.example.com",
        "ipv4": f"192.0.2.{seed % 254 + 1}",
        "ipv6": f"2001:db8::{seed % 9999 + 1}",
        "uri": f"https://example.com/{seed % 1000}",
        "uuid": str(uuid.UUID(int=seed, version=4)),
    }
    return samples[name]
