"""Pages through records in the order of their times: what is on one, and where the next begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from re import Pattern
from typing import Generic, NamedTuple, Protocol, TypeVar

from ledger.errors import CursorError
from ledger.record import milliseconds

T = TypeVar("T")

_LAST_MS = 2**53
"""Later than any time, and still whole where Redis keeps it as a float."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of records, the newest first.

    Attributes:
        items: At most as many as asked for.
        next: The cursor of the page after this one; None on the last.
    """

    items: tuple[T, ...]
    next: str | None


class Cursor(NamedTuple):
    """A record's place in the order; the newest is the greatest, and of equal times the id decides.

    Attributes:
        at_ms: The time that it is listed by, Unix milliseconds.
        id: The record's.
    """

    at_ms: int
    id: str

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.id}"

    @classmethod
    def of(cls, at: datetime, record_id: str) -> Cursor:
        """The place of a record of this time."""
        return cls(milliseconds(at), record_id)

    @classmethod
    def read(cls, text: str, ids: Pattern[str] | None = None) -> Cursor:
        """The place that a page was said to end at.

        Args:
            text: As `next` had it.
            ids: What a record's id looks like.

        Raises:
            CursorError: It is no cursor.
        """
        at, dash, record_id = text.partition("-")
        number = bool(dash) and at.isascii() and at.isdecimal()
        if not number or (ids is not None and not ids.fullmatch(record_id)):
            raise CursorError(f"{text!r} is no cursor: take `next_cursor` of an earlier page")
        return cls(min(int(at), _LAST_MS), record_id)


class Dated(Protocol):
    """A filter by time, of whatever records."""

    @property
    def before(self) -> datetime | None:
        """Return the records before a time."""

    @property
    def after(self) -> datetime | None:
        """Return the records of a time or later."""


class Stretch(NamedTuple):
    """A part of the order.

    Attributes:
        newest: All of it lies before this place.
        oldest_ms: None of it is older.
    """

    newest: Cursor
    oldest_ms: int

    @classmethod
    def of(cls, which: Dated, after: str | None, ids: Pattern[str] | None = None) -> Stretch:
        """Return the next page that meets a filter.

        Args:
            which: The filter.
            after: The cursor of that page; None for the first one.
            ids: See Cursor.read.

        Raises:
            CursorError: `after` is no cursor.
        """
        newest = Cursor(_LAST_MS, "") if after is None else Cursor.read(after, ids)
        if which.before is not None:
            newest = min(newest, Cursor.of(which.before, ""))
        return cls(newest, 0 if which.after is None else milliseconds(which.after))


async def first_page(found: AsyncIterator[T], limit: int, place: Callable[[T], Cursor]) -> Page[T]:
    """The first of what is found.

    Args:
        found: The newest first.
        limit: The most of them.
        place: Gives the place of one.
    """
    items: list[T] = []
    async for one in found:
        if len(items) == limit:
            return Page(tuple(items), str(place(items[-1])))
        items.append(one)
    return Page(tuple(items), None)
