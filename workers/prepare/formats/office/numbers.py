"""Numbers of a workbook as their cells show them: dates, decimals, leading zeros."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), *range(50, 59), 36), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, *range(32, 36), 45, 46, 47), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    41: "#,##0",
    42: "#,##0",
    43: "#,##0.00",
    44: "#,##0.00",
}
"""Codes of the formats that a file refers to by number only; those of dates stand for all."""
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_DIGITS = re.compile(r"[#0?,]*[#0?](?:\.([0#?]*))?")
_LAST_SERIAL = 2_958_466
"""9999-12-31, counted in days."""
_LEAP_DAY = 60
"""29 February 1900, which never was, and which serial dates count."""
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001  # cells know no zone


class _Shape(NamedTuple):
    """How a cell shows a number."""

    has_date: bool = False
    has_time: bool = False
    decimals: int | None = None
    thousands: bool = False
    percent: bool = False
    least_digits: int = 0


def built_in(number: int) -> str:
    """Return the code of a format that files do not spell out."""
    return _BUILT_IN.get(number, "")


def shown(value: str, code: str, *, since_1904: bool) -> str:
    """Write a number as its cell shows it; what is no number stays as it is.

    Args:
        value: The number, as the file has it.
        code: The code of its format.
        since_1904: Whether the workbook counts days from 1904.
    """
    try:
        number = float(value)
    except ValueError:
        return value
    shape = _shape(code)
    if (shape.has_date or shape.has_time) and 0 <= number < _LAST_SERIAL:
        return _moment(number, shape, since_1904=since_1904)
    if shape.percent:
        return f"{number * 100:.{shape.decimals or 0}f}%"
    if shape.decimals is not None:
        text = f"{number:{',' if shape.thousands else ''}.{shape.decimals}f}"
        return text.zfill(shape.least_digits) if number >= 0 else text
    return f"{number:.15g}"


@lru_cache(maxsize=1024)
def _shape(code: str) -> _Shape:
    section = _LITERAL.sub("", _ELAPSED.sub(r"\1", code.partition(";")[0])).lower()
    letters = set(section)
    if letters & set("yd") or ("m" in letters and not letters & set("#0?")):
        return _Shape(has_date=not letters & set("hs") or bool(letters & set("yd")),
                      has_time=bool(letters & set("hs")))  # fmt: skip
    if letters & set("hs"):
        return _Shape(has_time=True)
    digits = _DIGITS.search(section)
    if digits is None or section in {"general", "@"} or "e" in letters or "/" in letters:
        return _Shape()
    whole = digits[0].partition(".")[0]
    return _Shape(
        decimals=len(digits[1] or ""),
        thousands="," in whole.rstrip(","),
        percent="%" in letters,
        least_digits=len(whole) if set(whole) == {"0"} and len(whole) > 1 else 0,
    )


def _moment(number: float, shape: _Shape, *, since_1904: bool) -> str:
    days = number + (0 if since_1904 or number >= _LEAP_DAY else 1)
    moment = (_EPOCH_1904 if since_1904 else _EPOCH) + timedelta(seconds=round(days * 86_400))
    if not shape.has_date:
        hours = int(number) * 24 + moment.hour
        return f"{hours:02}:{moment:%M:%S}"
    midnight = not (moment.hour or moment.minute or moment.second)
    if not shape.has_time and midnight:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}" if shape.has_time else f"{moment:%Y-%m-%d}"
