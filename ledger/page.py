"""Pages of records in the order of their times, and the cursors between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from re import Pattern
from typing import Generic, NamedTuple, Protocol, TypeVar

from ledger.errors import CursorError
from ledger.record import milliseconds

T = TypeVar("T")

_LAST_MS = 2**53
"""A time later than all others, exact when Redis keeps it as a float."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of records, the newest first.

    Attributes:
        items: The records, not more than asked for.
        next: The cursor of the page after this one; None on the last.
    """

    items: tuple[T, ...]
    next: str | None


class Cursor(NamedTuple):
    """A record's place in the order; the newest is the greatest, and of equal times the id decides.

    Attributes:
        at_ms: The time of the record in the list, Unix milliseconds.
        id: The record's id.
    """

    at_ms: int
    id: str

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.id}"

    @classmethod
    def of(cls, at: datetime, record_id: str) -> Cursor:
        """Return the place of a record of this time."""
        return cls(milliseconds(at), record_id)

    @classmethod
    def read(cls, text: str, ids: Pattern[str] | None = None) -> Cursor:
        """Return the place at which an earlier page ended.

        Args:
            text: The text of `next`.
            ids: Pattern of a record's id.

        Raises:
            CursorError: The text is no cursor.
        """
        at, dash, record_id = text.partition("-")
        number = bool(dash) and at.isascii() and at.isdecimal()
        if not number or (ids is not None and not ids.fullmatch(record_id)):
            raise CursorError(f"{text!r} is no cursor: take `next_cursor` of an earlier page")
        return cls(min(int(at), _LAST_MS), record_id)


class Dated(Protocol):
    """A filter by time, for any records."""

    @property
    def before(self) -> datetime | None:
        """Return the records before a time."""

    @property
    def after(self) -> datetime | None:
        """Return the records of a time or later."""


class Stretch(NamedTuple):
    """A part of the order.

    Attributes:
        newest: The place that comes before all records of the stretch.
        oldest_ms: The time of its oldest record.
    """

    newest: Cursor
    oldest_ms: int

    @classmethod
    def of(cls, which: Dated, after: str | None, ids: Pattern[str] | None = None) -> Stretch:
        """Return the next page that meets a filter.

        Args:
            which: The filter.
            after: Cursor of that page; None for the first one.
            ids: See Cursor.read.

        Raises:
            CursorError: `after` is no cursor.
        """
        newest = Cursor(_LAST_MS, "") if after is None else Cursor.read(after, ids)
        if which.before is not None:
            newest = min(newest, Cursor.of(which.before, ""))
        return cls(newest, 0 if which.after is None else milliseconds(which.after))


async def first_page(found: AsyncIterator[T], limit: int, place: Callable[[T], Cursor]) -> Page[T]:
    """Return the first page of the records.

    Args:
        found: The records, the newest first.
        limit: The maximum number of records.
        place: Returns the place of one record.
    """
    items: list[T] = []
    async for one in found:
        if len(items) == limit:
            return Page(tuple(items), str(place(items[-1])))
        items.append(one)
    return Page(tuple(items), None)


async def each_of(read_page: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Yield the records of all pages.

    Args:
        read_page: Reads the page after a cursor; the first one for None.
    """
    cursor = None
    while True:
        page = await read_page(cursor)
        for record in page.items:
            yield record
        cursor = page.next
        if cursor is None:
            return
