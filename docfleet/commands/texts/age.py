"""Ages as users type and read them. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

AGE_METAVAR = "90s|15m|2h|7d"
"""Form of an age in the help of commands."""
_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_MOST = timedelta(days=36_500)


def parse_age(text: str) -> timedelta:
    """Parse an age such as 90s, 15m, 2h or 7d.

    Raises:
        ValueError: The text is no age, or more than a hundred years.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no age: write 90s, 15m, 2h or 7d")
    age = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if age > _MOST:
        raise ValueError(f"{text!r} is more than a hundred years")
    return age


def age_text(age: timedelta) -> str:
    """Return an age as text, in the largest unit that is fine enough."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in _UNITS.items():
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
