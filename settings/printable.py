"""Text for a terminal, without characters that control it. Pure."""

from __future__ import annotations

import json
import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs"})
"""Control characters, such as escape; format characters, such as a change of direction;
surrogates."""


def printable(text: str) -> str:
    """Return the text, with each character that could control a terminal escaped as in JSON.

    JSON keeps its meaning. Line feeds and tabs stay.
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
