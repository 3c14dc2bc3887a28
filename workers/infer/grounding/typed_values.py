"""Dates and amounts in text: their places, and the values that their many spellings mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"),
            ("may",), ("june", "jun"), ("july", "jul"), ("august", "aug"),
            ("september", "sept", "sep"), ("october", "oct"), ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))

_DATE = re.compile(
    rf"""(?<![\w/.-])(?:
        (?P<iso>\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}})
      | (?P<numeric>\d{{1,2}}(?P<mark>[-/.])\d{{1,2}}(?P=mark)(?:\d{{4}}|\d{{2}}))
      | (?P<month_first>(?:{_MONTH})\.?[\s-]+\d{{1,2}}(?:st|nd|rd|th)?,?[\s-]+\d{{2,4}})
      | (?P<day_first>\d{{1,2}}(?:st|nd|rd|th)?[\s-]+(?:of\s+)?(?:{_MONTH})\.?,?[\s-]+\d{{2,4}})
    )(?![\w/]|[-.]\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_AMOUNT = re.compile(
    r"""(?<![\w.,/-])
        (?P<before>\(|-)?\s?(?:USD\s?|US\$\s?|[$€£]\s?)?(?P<inner>-)?
        (?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)
        (?P<after>\)|-(?!\w))?
        (?!\w|[.,/]\d|-\w)""",
    re.VERBOSE,
)
_CENTURIES = (1900, 2000)
_SHORT_YEARS = range(100)

_Value = TypeVar("_Value", date, Decimal)


@dataclass(frozen=True, slots=True)
class Typed(Generic[_Value]):
    """A date or an amount in a text.

    Attributes:
        start: First character.
        end: Character after the last.
        values: All values that the spelling can mean.
    """

    start: int
    end: int
    values: frozenset[_Value]


def dates_in(text: str) -> Iterator[Typed[date]]:
    """Find dates; one of two digits each has a value for each order and each century."""
    for match in _DATE.finditer(text):
        if values := frozenset(_dates(match)):
            yield Typed(match.start(), match.end(), values)


def amounts_in(text: str) -> Iterator[Typed[Decimal]]:
    """Find numbers and amounts of money; parentheses or a minus make them negative."""
    for match in _AMOUNT.finditer(text):
        value = Decimal(match["number"].replace(",", ""))
        negative = match["before"] or match["inner"] or match["after"] == "-"
        start = match.start() + (len(match[0]) - len(match[0].lstrip()))
        yield Typed(start, match.end(), frozenset({-value if negative else value}))


def date_of(text: str) -> frozenset[date]:
    """Return the values of a text that is one date, and nothing for any other text."""
    return _whole(text, list(dates_in(text.strip())))


def amount_of(text: str) -> frozenset[Decimal]:
    """Return the values of a text that is one amount, and nothing for any other text."""
    return _whole(text, list(amounts_in(text.strip())))


def _whole(text: str, found: list[Typed[_Value]]) -> frozenset[_Value]:
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text.strip())):
        return found[0].values
    return frozenset()


def _dates(match: re.Match[str]) -> Iterator[date]:
    numbers = [int(number) for number in re.findall(r"\d+", match[0])]
    match match.lastgroup:
        case "iso":
            orders = [(numbers[0], numbers[1], numbers[2])]
        case "numeric" | "mark":
            orders = [(numbers[2], numbers[0], numbers[1]), (numbers[2], numbers[1], numbers[0])]
        case _:
            word = re.search(_MONTH, match[0], re.IGNORECASE)
            month = _MONTHS[word[0].lower()] if word else 0
            orders = [(numbers[1], month, numbers[0])]
    for year, month, day in orders:
        for full_year in [c + year for c in _CENTURIES] if year in _SHORT_YEARS else [year]:
            try:
                yield date(full_year, month, day)
            except ValueError:
                continue
