"""Windows: every line is read once, in order, within the room that there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.document import Page
from workers.infer.reading.ranking import query_of, ranked
from workers.infer.reading.windows import Window, lines_of, plan

LINES = st.lists(st.text("ab \t", max_size=30), max_size=12).map("\n".join)


def _pages(texts: list[str]) -> list[Page]:
    return [Page(number=n, text=text, start=0) for n, text in enumerate(texts, start=1)]


@given(
    texts=st.lists(LINES, min_size=1, max_size=6),
    tokens=st.integers(10, 80),
    overlap=st.integers(0, 20),
    head=st.integers(0, 20),
    pages=st.none() | st.integers(1, 3),
)
def test_each_line_belongs_to_one_window(
    texts: list[str], tokens: int, overlap: int, head: int, pages: int | None
) -> None:
    """In the order of the document, whatever the numbers."""
    lines = lines_of(_pages(texts), len)
    windows = plan(lines, tokens=tokens, overlap=overlap, head=head, pages=pages)
    assert [line for window in windows for line in window.lines] == lines
    for window in windows:
        size = sum(line.tokens for line in (*window.carried, *window.lines))
        assert size <= tokens or len(window.lines) == 1
        assert pages is None or len(window.pages) <= pages
        assert set(window.carried).isdisjoint(window.lines)


@given(texts=st.lists(LINES, min_size=1, max_size=4), tokens=st.integers(20, 80))
def test_the_halves_of_a_window_hold_its_lines(texts: list[str], tokens: int) -> None:
    """The second half carries the lines before it."""
    for window in plan(lines_of(_pages(texts), len), tokens=tokens, overlap=5):
        if len(window.lines) > 1:
            first, second = window.halves()
            assert first.lines + second.lines == window.lines
            assert second.carried


def test_a_window_shows_what_it_repeats_apart_from_what_it_reads() -> None:
    """So that a row which a page break cuts can be understood."""
    windows = plan(lines_of(_pages(["a\nb", "c\nd"]), len), tokens=6, overlap=2, pages=1)
    assert windows[0].text == "a\nb"
    assert windows[1].text == "[Repeated from the page before:]\nb\n[The document goes on:]\nc\nd"
    assert windows[1].pages == (2,)
    assert windows[1].shown_pages == (1, 2)


def test_a_line_is_found_again_by_its_place() -> None:
    """Evidence is given by characters of the page."""
    page = Page(number=1, text="one\n\nthree", start=0)
    assert [page.text[line.start :][: len(line.text)] for line in lines_of([page], len)] == [
        "one",
        "",
        "three",
    ]


def test_the_text_that_has_the_words_of_the_task_ranks_first() -> None:
    """Rare words count for more than words that each text has."""
    texts = ["the insured of the policy", "claim number 7 of the insured", "table of contents"]
    query = query_of("What is it?", {"properties": {"claimNumber": {"type": "string"}}})
    assert ranked(texts, query)[0] == 1
    assert ranked(["a", "b"], "zebra") == [0, 1]


def test_a_window_of_one_line_has_no_halves() -> None:
    """The window cannot be read in smaller parts."""
    [line] = lines_of(_pages(["x"]), len)
    try:
        Window((line,)).halves()
    except ValueError:
        return
    raise AssertionError("one line was halved")
