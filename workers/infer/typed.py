"""Typed values: dates and amounts of a task's data as their types write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.json_schema.pointer import escaped, unescaped
from schemas.value_type import ANY_ITEM, DateOrder, TypedValue, ValueType
from workers.infer.grounding.typed_values import amount_of, date_of

_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
_SHORT_YEARS_FROM = 1969
"""Two digits mean a year of the hundred that begin here, as POSIX has it."""


def typed_values(
    data: Any, types: Mapping[str, ValueType], order: DateOrder | None
) -> tuple[dict[str, TypedValue], dict[str, ValueType]]:
    """Return the typed values of data, and the types that other values should have.

    Args:
        data: Of a task.
        types: By place.
        order: How the documents write days as numbers; None where nobody knows.

    Returns:
        Both by JSON pointer; values that are null or empty are in neither.
    """
    typed: dict[str, TypedValue] = {}
    untyped: dict[str, ValueType] = {}
    for place, kind in types.items():
        for pointer, value in values_at(data, place):
            if value in (None, ""):
                continue
            written = typed_text(value, kind, order)
            if written is None:
                untyped[pointer] = kind
            else:
                typed[pointer] = TypedValue(type=kind, value=written, original=str(value))
    return typed, untyped


def values_at(data: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the values at a place, each with its JSON pointer."""
    yield from _at(data, place.split("/")[1:], "")


def _at(data: Any, steps: list[str], pointer: str) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield pointer, data
        return
    step, *rest = steps
    name = unescaped(step)
    if isinstance(data, list) and step == ANY_ITEM:
        for index, item in enumerate(data):
            yield from _at(item, rest, f"{pointer}/{index}")
    elif isinstance(data, Mapping) and name in data:
        yield from _at(data[name], rest, f"{pointer}/{escaped(name)}")


def typed_text(value: Any, kind: ValueType, order: DateOrder | None) -> str | None:
    """Return a value as its type writes it, or None where it does not say one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if kind is ValueType.DATE:
        day = _day(str(value).strip(), order)
        return None if day is None else day.isoformat()
    amounts = {Decimal(str(value))} if not isinstance(value, str) else amount_of(value)
    return f"{next(iter(amounts)):f}" if len(amounts) == 1 else None


def _day(text: str, order: DateOrder | None) -> date | None:
    days: AbstractSet[date] = date_of(text)
    if not days:
        return None
    numeric = _NUMERIC.fullmatch(text)
    if numeric and order is not None:
        first, second = int(numeric[1]), int(numeric[3])
        month, number = (first, second) if order is DateOrder.MONTH_FIRST else (second, first)
        # A day that cannot be of that order is of the other one.
        days = {day for day in days if (day.month, day.day) == (month, number)} or days
    of_century = {day for day in days if _SHORT_YEARS_FROM <= day.year < _SHORT_YEARS_FROM + 100}
    left = of_century if len({day.year for day in days}) > 1 else days
    return next(iter(left)) if len(left) == 1 else None
