"""Values held against the truth. Pure.

Two values are the same when a careful reader would say so:

- text: upper and lower case, runs of white space, and white space or `.,;:` at the ends do not
  count; everything else does;
- money and numbers: `$4,850.00`, `USD 4850` and `4850.0` are the same number;
- dates: `03/14/2025`, `2025-03-14` and `March 14, 2025` are the same day;
- nothing: null, an empty text and a field that is not there are the same.

The truth may also give a range (`{from: 7, to: 10}`) or words that a text must have
(`{mentions: [pipe]}`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from workers.infer.grounding.typed_values import amount_of, date_of

_LEADING_ZERO = re.compile(r"\W*0\d")
"""Beginning of an identifier: `0042` is no amount."""
_MONTH_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.]\d+")
_CACHED = 2**16


def is_empty(value: Any) -> bool:
    """Tell whether a value says that there is nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_rule(truth: Any) -> bool:
    """Tell whether the truth is a range or words to mention, and no value."""
    return isinstance(truth, Mapping) and set(truth) in ({"from", "to"}, {"mentions"})


def equal(value: Any, truth: Any) -> bool:
    """Tell whether a value is the truth, character by character."""
    if is_rule(truth):
        return same(value, truth)
    if is_empty(value) or is_empty(truth):
        return is_empty(value) and is_empty(truth)
    return isinstance(value, bool) == isinstance(truth, bool) and _text(value) == _text(truth)


def same(value: Any, truth: Any) -> bool:
    """Tell whether a value means what the truth says; the module's docstring gives the rules."""
    match truth:
        case {"from": low, "to": high}:
            number = _amounts(_text(value))
            return any(Decimal(str(low)) <= one <= Decimal(str(high)) for one in number)
        case {"mentions": words}:
            return all(_plain(str(word)) in _plain(_text(value)) for word in words)
        case _ if is_empty(value) or is_empty(truth):
            return is_empty(value) and is_empty(truth)
        case bool():
            return value is truth
        case _:
            return not isinstance(value, bool) and _same_text(_text(value), _text(truth))


@dataclass(frozen=True, slots=True)
class _Meanings:
    """Meanings of a text: days, amounts, or itself."""

    days: frozenset[date]
    amounts: frozenset[Decimal]
    plain: str


@lru_cache(maxsize=_CACHED)
def _meanings(text: str) -> _Meanings:
    return _Meanings(_dates(text), _amounts(text), _plain(text))


def _same_text(value: str, truth: str) -> bool:
    """Compare as dates, where both are; else as amounts, where both are; else as text."""
    one, other = _meanings(value), _meanings(truth)
    if one.plain == other.plain:
        return True
    if one.days and other.days:
        return not one.days.isdisjoint(other.days)
    return bool(one.amounts) and one.amounts == other.amounts


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{Decimal(str(value)):f}"
    return str(value).strip()


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" .,;:").casefold()


def _dates(text: str) -> frozenset[date]:
    """Return the days that a text can mean; of numbers, the month comes first."""
    days = date_of(text)
    written = _MONTH_FIRST.fullmatch(text)
    if written:
        return frozenset(day for day in days if day.month == int(written[1]))
    return days


def _amounts(text: str) -> frozenset[Decimal]:
    if _LEADING_ZERO.match(text):
        return frozenset()
    return amount_of(text)
