"""Damage to a file, by the dice: bytes, numbers and stretches of it, or what is packed inside."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Sequence

_MOST_DAMAGES = 3
_STRETCH = 200
_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE)
_TOKENS = (b"<", b">", b"&", b'"', b"\0", b"\xff\xfe", b"%s%n", b"-1", b"99999999999", b"[" * 99)
_INSIDE = 0.7
"""Share of packed files that are damaged inside, behind the checks of the package."""


def mutated(data: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """Return the file with a few damages.

    Args:
        data: The file.
        others: Files whose parts may come into it.
        dice: Decides.
    """
    if data.startswith(b"PK") and dice.random() < _INSIDE:
        return _repacked(data, others, dice)
    return _damaged(data, others, dice)


def _damaged(data: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, _MOST_DAMAGES)):
        if dice.random() < 1 / len(_DAMAGES):
            data = _spliced(data, dice.choice(others), dice)
        else:
            data = dice.choice(_DAMAGES)(data, dice)
    return data


def _repacked(data: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """Damage one member, and pack all again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = dice.choice(list(members))
    members[chosen] = _damaged(members[chosen], others, dice)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def _bits(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, _MOST_DAMAGES)):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _number(data: bytes, dice: random.Random) -> bytes:
    """Put an extreme number somewhere, as files write theirs."""
    size = dice.choice((1, 2, 4, 8))
    number = dice.choice(_EXTREMES) & (1 << 8 * size) - 1
    at = _place(data, dice)
    return data[:at] + number.to_bytes(size, dice.choice(("little", "big"))) + data[at + size :]


def _lost(data: bytes, dice: random.Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + data[at + dice.randint(1, _STRETCH) :]


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: _place(data, dice)]


def _doubled(data: bytes, dice: random.Random) -> bytes:
    at = _place(data, dice)
    stretch = data[at : at + dice.randint(1, _STRETCH)]
    return data[:at] + stretch * dice.choice((1, 2, 100)) + data[at:]


def _token(data: bytes, dice: random.Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + dice.choice(_TOKENS) + data[at:]


def _spliced(data: bytes, other: bytes, dice: random.Random) -> bytes:
    return data[: _place(data, dice)] + other[_place(other, dice) :]


def _place(data: bytes, dice: random.Random) -> int:
    return dice.randrange(len(data) + 1)


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _bits,
    _bits,
    _number,
    _number,
    _lost,
    _cut,
    _doubled,
    _token,
)
