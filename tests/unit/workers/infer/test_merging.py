"""The answers of several windows become one."""

from __future__ import annotations

from typing import Any

from schemas.document import Page
from schemas.result import Evidence, Match
from workers.infer.answer import Answer
from workers.infer.reading.merging import Merged, WindowAnswer, merged
from workers.infer.reading.rows import in_order, read_rows
from workers.infer.reading.windows import Window, lines_of

NOWHERE: frozenset[str] = frozenset()


def _merged(answers: list[Any], grounded: list[frozenset[str]]) -> Merged:
    return merged([WindowAnswer(a, g) for a, g in zip(answers, grounded, strict=True)])


def test_what_one_window_knows_fills_what_another_does_not() -> None:
    """A null is no value."""
    answers = [{"insured": "Ada", "claim": None}, {"insured": None, "claim": "C-1"}]
    assert _merged(answers, [NOWHERE, NOWHERE]).data == {"insured": "Ada", "claim": "C-1"}


def test_windows_that_disagree_leave_alternatives() -> None:
    """The likelier window comes first."""
    result = _merged([{"paid": "5"}, {"paid": "7"}], [NOWHERE, NOWHERE])
    assert result.data == {"paid": "5"}
    assert result.alternatives == {"/paid": ("7",)}


def test_a_value_that_the_document_holds_comes_before_one_that_it_does_not() -> None:
    """An invented value is no alternative to it either."""
    result = _merged([{"paid": "5"}, {"paid": "7"}], [NOWHERE, frozenset({"/paid"})])
    assert result.data == {"paid": "7"}
    assert result.alternatives == {}


def test_the_value_of_more_windows_comes_first() -> None:
    """Among values that are as well grounded."""
    result = _merged([{"a": 1}, {"a": 2}, {"a": 2}], [frozenset({"/a"})] * 3)
    assert (result.data, result.alternatives) == ({"a": 2}, {"/a": (1,)})


def test_lists_are_joined_and_what_is_in_both_is_there_once() -> None:
    """Windows overlap."""
    result = _merged([{"names": ["a", "b"]}, {"names": ["b", "c"]}], [NOWHERE, NOWHERE])
    assert result.data == {"names": ["a", "b", "c"]}


def _place(page: int, start: int) -> Evidence:
    return Evidence(page=page, start=start, end=start + 1, quote="x", match=Match.EXACT)


def _windows() -> list[Window]:
    pages = [Page(number=n, text="aaaa\nbbbb\ncccc", start=0) for n in (1, 2)]
    first, second = (tuple(lines_of([page], len)) for page in pages)
    return [Window(first), Window(second, carried=first[-1:])]


def test_a_row_that_two_windows_gave_is_there_once_and_as_complete_as_it_gets() -> None:
    """The page break had cut it in the first."""
    windows = _windows()
    cut = read_rows(Answer({"rows": [{"id": "c", "paid": None}]}), {"/rows/0/id": _place(1, 10)}, 0)
    whole = read_rows(
        Answer({"rows": [{"id": "c", "paid": "5"}]}), {"/rows/0/id": _place(1, 10)}, 1
    )
    rows = in_order([*cut, *whole], windows)
    assert [row.data for row in rows] == [{"id": "c", "paid": "5"}]


def test_rows_that_are_alike_and_stand_at_two_places_are_two() -> None:
    """The document has them twice."""
    windows = _windows()
    first = read_rows(Answer({"rows": [{"id": "a"}]}), {"/rows/0/id": _place(1, 0)}, 0)
    second = read_rows(Answer({"rows": [{"id": "a"}]}), {"/rows/0/id": _place(2, 0)}, 1)
    assert len(in_order([*first, *second], windows)) == 2


def test_rows_come_in_the_order_of_the_document() -> None:
    """A row that stands nowhere keeps its neighbour's company."""
    evidence = {"/rows/0/id": _place(1, 10), "/rows/2/id": _place(1, 0)}
    rows = list(read_rows(Answer({"rows": [{"id": "c"}, {"id": "?"}, {"id": "a"}]}), evidence, 0))
    assert [row.data["id"] for row in in_order(rows, _windows())] == ["a", "c", "?"]
