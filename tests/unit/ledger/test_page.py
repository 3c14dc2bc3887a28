"""Pages of records: where one ends, and what the next one may hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from ledger.errors import CursorError
from ledger.page import Cursor, Stretch, first_page
from schemas.job import JOB_ID
from schemas.job_filter import JobFilter

NOON = datetime(2025, 5, 3, 12, tzinfo=UTC)
ANY = JobFilter()


async def _found(*places: Cursor) -> AsyncIterator[Cursor]:
    for place in places:
        yield place


def test_a_cursor_reads_as_it_was_written() -> None:
    """Whatever the id has in it."""
    place = Cursor.of(NOON, "msg_0f-succeeded")
    assert Cursor.read(str(place)) == place


@pytest.mark.parametrize("text", ["", "7", "-job_1", "1.5-job_1", "²-job_1", "x-job_1"])
def test_what_no_page_ended_with_is_no_cursor(text: str) -> None:
    """The text is refused, and does not mean the first page."""
    with pytest.raises(CursorError, match="next_cursor"):
        Cursor.read(text)


def test_a_cursor_of_other_records_is_refused_where_ids_have_a_form() -> None:
    """Jobs' ids have one."""
    with pytest.raises(CursorError):
        Cursor.read("5-msg_1", JOB_ID)


def test_a_stretch_ends_before_the_earlier_of_cursor_and_filter() -> None:
    """A page never holds what its filter leaves out, whatever cursor it is given."""
    early, late = Cursor.of(NOON, "a"), Cursor.of(NOON + timedelta(hours=2), "a")
    which = JobFilter(before=NOON + timedelta(hours=1), after=NOON)
    assert Stretch.of(which, str(early)) == (early, early.at_ms)
    assert Stretch.of(which, str(late)).newest < late
    assert late < Stretch.of(ANY, None).newest


async def test_a_page_names_its_last_record_where_there_are_more() -> None:
    """Of equal times the id decides; where no more follow, there is no cursor."""
    places = [Cursor(5, "b"), Cursor(5, "a"), Cursor(4, "c")]
    page = await first_page(_found(*places), 2, lambda place: place)
    assert page.items == (Cursor(5, "b"), Cursor(5, "a"))
    assert page.next is not None
    assert [one for one in places if one < Cursor.read(page.next)] == places[2:]
    assert (await first_page(_found(*places), 3, lambda place: place)).next is None
