"""Windows: the parts of a document that the engine reads one by one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from schemas.document import Page
from workers.infer.answer import Answer
from workers.infer.grounding.locator import Span
from workers.infer.output import OutputError

_EARLIER = "[Repeated from the page before:]"
_CONTINUED = "[The document goes on:]"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page.

    Attributes:
        page: Number of the page.
        start: First character, in the page's text.
        text: Without its line break.
        tokens: Tokens by the pool's model, line break included.
    """

    page: int
    start: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Window:
    """Lines that one question shows to the engine.

    Attributes:
        lines: The lines of this window only; no other window of the plan has them.
        carried: Lines before them, repeated for context.
    """

    lines: tuple[Line, ...]
    carried: tuple[Line, ...] = ()

    @property
    def pages(self) -> tuple[int, ...]:
        """Return the page numbers of the window's own lines, in order."""
        return tuple(dict.fromkeys(line.page for line in self.lines))

    @property
    def shown_pages(self) -> tuple[int, ...]:
        """Return the numbers of all pages from which a value of the answer may come."""
        return tuple(dict.fromkeys(line.page for line in (*self.carried, *self.lines)))

    @property
    def key(self) -> str:
        """Return a name that no other window of the document has."""
        first, last = self.lines[0], self.lines[-1]
        return f"{first.page}.{first.start}-{last.page}.{last.start}"

    @property
    def spans(self) -> list[Span]:
        """Return the shown stretches of pages."""
        return [
            Span(page, group[0].start, group[-1].start + len(group[-1].text))
            for page in self.shown_pages
            for part in (self.carried, self.lines)
            if (group := [line for line in part if line.page == page])
        ]

    @property
    def text(self) -> str:
        """Return the text to show, with form feeds between pages."""
        stretch = _joined(self.lines)
        if not self.carried:
            return stretch
        return f"{_EARLIER}\n{_joined(self.carried)}\n{_CONTINUED}\n{stretch}"

    def halves(self) -> tuple[Window, Window]:
        """Return two windows of half the lines each; the second carries lines of the first.

        Raises:
            ValueError: There is only one line.
        """
        middle = len(self.lines) // 2
        if not middle:
            raise ValueError("one line has no halves")
        first, second = self.lines[:middle], self.lines[middle:]
        carried = min(len(self.carried), middle // 2)
        return (
            Window(first, self.carried[len(self.carried) - carried :]),
            Window(second, first[-max(carried, 1) :]),
        )


def answered(
    windows: Sequence[Window], answers: Sequence[Answer | OutputError]
) -> list[tuple[Window, Answer]]:
    """Pair each window that has a usable answer with it."""
    return [
        (window, answer)
        for window, answer in zip(windows, answers, strict=True)
        if isinstance(answer, Answer)
    ]


def pages_of(windows: Iterable[Window]) -> tuple[int, ...]:
    """Return the numbers of the pages that windows show."""
    return tuple(sorted({page for window in windows for page in window.shown_pages}))


def lines_of(pages: Sequence[Page], count: Callable[[str], int]) -> list[Line]:
    """Split pages into lines.

    Args:
        pages: In document order.
        count: Returns the tokens of a text.
    """
    found: list[Line] = []
    for page in pages:
        start = 0
        for text in page.text.split("\n"):
            found.append(Line(page.number, start, text, count(text) + 1))
            start += len(text) + 1
    return found


def plan(
    lines: Sequence[Line],
    *,
    tokens: int,
    overlap: int = 0,
    pages: int | None = None,
    head: int = 0,
) -> list[Window]:
    """Cut lines into windows, at page breaks unless a window would stay less than half full.

    Args:
        lines: Lines of the whole document; a line longer than a window gets a window of its own.
        tokens: Maximum tokens of a window, carried lines included.
        overlap: Tokens to repeat from the window before.
        pages: Maximum pages of a window.
        head: Tokens to repeat from the head of the document.
    """
    room = max(tokens - overlap - head, 1)
    stretches = list(_stretches(lines, room, pages))
    first = _first(lines, head)
    windows: list[Window] = []
    for number, stretch in enumerate(stretches):
        carried: tuple[Line, ...] = ()
        if number:
            before = _last(stretches[number - 1], overlap)
            is_own = {(line.page, line.start) for line in (*before, *stretch)}
            heads = (line for line in first if (line.page, line.start) not in is_own)
            carried = (*heads, *before)
        windows.append(Window(stretch, carried))
    return windows


def _stretches(
    lines: Sequence[Line], room: int, most_pages: int | None
) -> Iterator[tuple[Line, ...]]:
    stretch: list[Line] = []
    used = 0
    for _, group in groupby(lines, key=lambda line: line.page):
        page = list(group)
        size = sum(line.tokens for line in page)
        is_full = most_pages is not None and len({line.page for line in stretch}) >= most_pages
        if stretch and (is_full or (used + size > room and used >= room / 2)):
            yield tuple(stretch)
            stretch, used = [], 0
        for line in page:
            if stretch and used + line.tokens > room:
                yield tuple(stretch)
                stretch, used = [], 0
            stretch.append(line)
            used += line.tokens
    if stretch:
        yield tuple(stretch)


def _first(lines: Sequence[Line], tokens: int) -> tuple[Line, ...]:
    chosen: list[Line] = []
    for line in lines:
        tokens -= line.tokens
        if tokens < 0:
            break
        chosen.append(line)
    return tuple(chosen)


def _last(lines: Sequence[Line], tokens: int) -> tuple[Line, ...]:
    return tuple(reversed(_first(lines[::-1], tokens)))


def _joined(lines: Sequence[Line]) -> str:
    by_page = groupby(lines, key=lambda line: line.page)
    return "\f".join("\n".join(line.text for line in group) for _, group in by_page)
