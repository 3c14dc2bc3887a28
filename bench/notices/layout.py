"""What the layouts of both halves are made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from bench.notices.loss import Loss

Layout = Callable[[Loss], str]
"""Sets a notice of a loss; what the loss does not have is not mentioned, or left blank."""


def labelled(rows: Iterable[tuple[str, str | None]], sign: str = ": ") -> str:
    """Set labels and values, line by line.

    Args:
        rows: A row without a value is left out.
        sign: Stands between label and value.
    """
    return "\n".join(f"{label}{sign}{value}" for label, value in rows if value is not None)


def dollars(amount: int | None) -> str | None:
    """Set an amount as `$4,850.00`."""
    return None if amount is None else f"${amount:,.2f}"


def yes_or_no(answer: bool | None) -> str | None:  # noqa: FBT001  # what is said is this alone
    """Set an answer."""
    return None if answer is None else "Yes" if answer else "No"


def day_in_words(day: date) -> str:
    """Set a day as `March 4, 2025`."""
    return f"{day:%B} {day.day}, {day.year}"
