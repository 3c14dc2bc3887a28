"""Text for a terminal: without what could steer it. Pure."""

from __future__ import annotations

import json
import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs"})
"""Control characters, such as escape; formatting, such as a change of direction; surrogates."""


def printable(text: str) -> str:
    """Return the text with each character that could steer a terminal as JSON would escape it.

    JSON stays the same JSON. Line feeds and tabs are kept.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _STEERING:
        return character
    if character == "\x7f":  # JSON leaves it as it is
        return "\\u007f"
    return json.dumps(character)[1:-1]
