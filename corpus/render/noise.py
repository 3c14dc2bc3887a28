"""Noise: typing errors in the words around values, and characters that OCR misread."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from corpus.sheet import Block, Paragraph, Sheet

_TYPO_SHARE = 0.03
"""Of the words of a paragraph without values."""
_MISREAD_SHARE = 0.006
"""Of the characters."""
_MISREAD = {
    "0": "O", "O": "0", "1": "l", "l": "1", "I": "l", "5": "S", "S": "5", "8": "B", "B": "8",
    "2": "Z", "Z": "2", "e": "c", "m": "rn", "h": "b", ",": ".", "a": "o",
}  # fmt: skip
_SHORTEST = 4


def with_typos(sheet: Sheet, dice: Random) -> Sheet:
    """Mistype words of paragraphs in which no value stands."""
    return replace(sheet, blocks=[_typed(block, dice) for block in sheet.blocks])


def _typed(block: Block, dice: Random) -> Block:
    if not isinstance(block, Paragraph) or block.pointers:
        return block
    words = block.text.split(" ")
    return Paragraph(" ".join(_mistyped(word, dice) for word in words))


def _mistyped(word: str, dice: Random) -> str:
    if len(word) < _SHORTEST or not word.isalpha() or dice.random() > _TYPO_SHARE:
        return word
    at = dice.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return dice.choice((swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]))


def misread(text: str, dice: Random) -> str:
    """Read characters as OCR does at times: as others that look alike."""
    return "".join(
        _MISREAD[sign] if sign in _MISREAD and dice.random() < _MISREAD_SHARE else sign
        for sign in text
    )
