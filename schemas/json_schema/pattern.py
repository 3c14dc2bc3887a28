"""A pattern as the engine sees it: its states, and how many of them one text holds open. Pure.

The grammar of a pattern writes each repetition out. What a state costs grows with how many others
are open beside it: `([a-z]{1,20}){1,20}` splits a word at every letter, `([a-z]{1,20} ){1,20}` at
none. Only the dialect is read that `guidable.py` lets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\\(?P<escape>.)|\[(?P<no>\^?)(?P<klass>\]?(?:\\.|[^\]\\])*)\]"
    r"|\{(?P<least>\d+)(?P<comma>,?)(?P<most>\d*)\}\??|(?P<mark>[*+?])\??"
    r"|(?P<open>\((?:\?:)?)|(?P<sign>[)|.])|(?P<char>.)",
    re.DOTALL,
)
_IN_CLASS = re.compile(r"\\(?P<escape>.)|(?P<first>.)-(?P<last>[^\\])|(?P<char>.)", re.DOTALL)
_OTHERS = 128
"""Stands for all characters beyond ASCII."""
_ALL = (1 << (_OTHERS + 1)) - 1
_STEPS = 8
"""Characters of a text that are followed from each state: as long as most tokens are."""
_MOST_STATES = 600
_MOST_GROUPS = 32
"""Of a pattern, one in another."""


class CostlyPatternError(ValueError):
    """A pattern has more states, or more of them open at once, than may be looked at."""


@dataclass(frozen=True, slots=True)
class _Atom:
    characters: int


@dataclass(frozen=True, slots=True)
class _Row:
    parts: list[_Node]


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: list[_Node]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    least: int
    most: int | None


_Node = _Atom | _Row | _Choice | _Repeat


def open_states(pattern: str, most: int) -> int:
    """Count the states that are open while each of a pattern's states reads some characters.

    Args:
        pattern: As `guidable.py` lets it through.
        most: Where the counting ends.

    Raises:
        CostlyPatternError: There are more; the message says of what.
    """
    states = _States()
    states.add(_Parser(pattern).choice())
    return states.open(most)


class _Parser:
    """Reads a pattern into nodes; `^` and `$` hold nothing open, and are left out."""

    def __init__(self, pattern: str) -> None:
        self._tokens = list(_TOKEN.finditer(pattern.removeprefix("^").removesuffix("$")))
        self._at = 0

    def choice(self, depth: int = 0) -> _Node:
        """Read up to the end of the group."""
        if depth > _MOST_GROUPS:
            raise CostlyPatternError(f"more than {_MOST_GROUPS} groups, one in another")
        rows: list[list[_Node]] = [[]]
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token["sign"] == ")":
                break
            if token["sign"] == "|":
                rows.append([])
            elif token["least"] or token["mark"]:
                part = rows[-1].pop() if rows[-1] else _Row([])
                rows[-1].append(_repeated(part, token))
            elif token["open"]:
                rows[-1].append(self.choice(depth + 1))
            else:
                rows[-1].append(_Atom(_characters(token)))
        parts: list[_Node] = [_Row(row) for row in rows]
        return parts[0] if len(parts) == 1 else _Choice(parts)


def _repeated(part: _Node, token: re.Match[str]) -> _Node:
    if token["mark"]:
        return _Repeat(part, int(token["mark"] == "+"), 1 if token["mark"] == "?" else None)
    least = int(token["least"])
    if not token["comma"]:
        return _Repeat(part, least, least)
    return _Repeat(part, least, int(token["most"]) if token["most"] else None)


def _characters(token: re.Match[str]) -> int:
    """The characters that an atom takes, as bits."""
    if token["sign"] == ".":
        return _ALL & ~(1 << ord("\n"))
    if token["escape"]:
        return _escaped(token["escape"])
    if token["klass"] is None:
        return _bits(token["char"])
    found = 0
    for one in _IN_CLASS.finditer(token["klass"]):
        if one["escape"]:
            found |= _escaped(one["escape"])
        elif one["first"]:
            found |= _bits(*map(chr, range(min(ord(one["first"]), 128), _end(one["last"]))))
            found |= _bits(one["first"], one["last"])
        else:
            found |= _bits(one["char"])
    return _ALL & ~found if token["no"] else found


def _end(last: str) -> int:
    return min(ord(last), 127) + 1


def _escaped(letter: str) -> int:
    kinds = {"d": str.isdigit, "w": lambda one: one.isalnum() or one == "_", "s": str.isspace}
    kind = kinds.get(letter.lower())
    if kind is None:
        return _bits(letter)
    found = _bits(*(chr(code) for code in range(_OTHERS) if kind(chr(code))))
    return _ALL & ~found if letter.isupper() else found


def _bits(*characters: str) -> int:
    found = 0
    for one in characters:
        found |= 1 << min(ord(one), _OTHERS)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """Consecutive states of an automaton.

    Attributes:
        can_be_empty: Whether a text can pass them by.
        first: Those that it can begin with.
        last: Those that it can end with.
    """

    can_be_empty: bool
    first: int
    last: int


_NOTHING = _Part(can_be_empty=True, first=0, last=0)


@dataclass
class _States:
    """The states of a pattern, and which can come after which; sets of them are bits."""

    takes: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def add(self, node: _Node) -> _Part:
        match node:
            case _Atom(characters):
                return self._atom(characters)
            case _Row(parts):
                whole = _NOTHING
                for part in parts:
                    whole = self._joined(whole, self.add(part))
                return whole
            case _Choice(parts):
                made = [self.add(part) for part in parts]
                return _Part(
                    any(one.can_be_empty for one in made),
                    _union(one.first for one in made),
                    _union(one.last for one in made),
                )
            case _Repeat(part, least, most):
                return self._repeat(part, least, most)

    def _atom(self, characters: int) -> _Part:
        if len(self.takes) >= _MOST_STATES:
            raise CostlyPatternError(f"more than {_MOST_STATES} characters with its repetitions")
        bit = 1 << len(self.takes)
        self.takes.append(characters)
        self.after.append(0)
        return _Part(can_be_empty=False, first=bit, last=bit)

    def _repeat(self, node: _Node, least: int, most: int | None) -> _Part:
        """Add the copies in a row; one that may be missing is reached from the one before alone."""
        whole, before = _NOTHING, 0
        for number in range(1, (max(least, 1) if most is None else most) + 1):
            one = self.add(node)
            if not one.first:
                return _NOTHING
            self._connect(before, one.first)
            if most is None and number >= least:
                self._connect(one.last, one.first)
            before = one.last | (before if one.can_be_empty else 0)
            optional = one.can_be_empty or number > least
            begins = whole.can_be_empty and number - 1 <= least
            whole = _Part(
                whole.can_be_empty and optional,
                whole.first | (one.first if begins else 0),
                one.last | (whole.last if optional else 0),
            )
        return whole

    def _joined(self, left: _Part, right: _Part) -> _Part:
        self._connect(left.last, right.first)
        return _Part(
            left.can_be_empty and right.can_be_empty,
            left.first | (right.first if left.can_be_empty else 0),
            right.last | (left.last if right.can_be_empty else 0),
        )

    def _connect(self, last: int, first: int) -> None:
        for state in _each(last):
            self.after[state] |= first

    def open(self, most: int) -> int:
        """See `open_states`; of the characters that may come next, the worst is taken."""
        takers = self._takers()
        total = 0
        for state in range(len(self.takes)):
            live = 1 << state
            for _ in range(_STEPS):
                following = _union(self.after[one] for one in _each(live))
                live = max((following & some for some in takers), key=int.bit_count, default=0)
                total += live.bit_count()
                if total > most:
                    raise CostlyPatternError("more ways to read one text than may be held open")
        return total

    def _takers(self) -> set[int]:
        """For each kind of character, the states that take it."""
        alike: dict[int, int] = {}
        for state, characters in enumerate(self.takes):
            alike[characters] = alike.get(characters, 0) | 1 << state
        return {
            _union(states for characters, states in alike.items() if characters >> code & 1)
            for code in range(_OTHERS + 1)
        }


def _each(states: int) -> Iterator[int]:
    while states:
        bit = states & -states
        yield bit.bit_length() - 1
        states ^= bit


def _union(sets: Iterator[int]) -> int:
    whole = 0
    for one in sets:
        whole |= one
    return whole
