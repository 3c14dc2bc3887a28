"""Highlights: stretches of a page's text in which values stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from docfleet.commands.html.escaping import shown
from schemas.result import Match


@dataclass(frozen=True, slots=True)
class Highlight:
    """A stretch of a page that gives a value.

    Attributes:
        anchor: Id of the value's row; the stretch has the same with `at-` before it.
        title: Task and place of the value.
        start: First character.
        end: Character after the last.
        match: How near they come.
    """

    anchor: str
    title: str
    start: int
    end: int
    match: Match


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a page that the same highlights cover.

    Attributes:
        start: First character.
        end: Character after the last.
        highlights: Those that cover it, the shortest first.
    """

    start: int
    end: int
    highlights: tuple[Highlight, ...]


def pieces(length: int, highlights: Iterable[Highlight]) -> Iterator[Piece]:
    """Cut a page where highlights begin and end; pieces follow each other without a gap.

    Args:
        length: Characters of the page.
        highlights: Of the page, in any order; they may overlap.
    """
    inside = [one for one in highlights if 0 <= one.start < one.end <= length]
    cuts = sorted({0, length, *(one.start for one in inside), *(one.end for one in inside)})
    for start, end in pairwise(cuts):
        over = [one for one in inside if one.start <= start and end <= one.end]
        yield Piece(start, end, tuple(sorted(over, key=lambda one: one.end - one.start)))


def marked(text: str, highlights: Sequence[Highlight]) -> str:
    """Return a page's text as HTML, with its highlights."""
    begun: set[str] = set()
    return "".join(_marked(text, piece, begun) for piece in pieces(len(text), highlights))


def _marked(text: str, piece: Piece, begun: set[str]) -> str:
    words = shown(text[piece.start : piece.end])
    if not piece.highlights:
        return words
    first = piece.highlights[0]
    new = [one for one in piece.highlights if one.anchor not in begun]
    begun.update(one.anchor for one in new)
    anchors = "".join(f'<span id="at-{one.anchor}"></span>' for one in new)
    title = shown("\n".join(one.title for one in piece.highlights))
    link = f'<a href="#{first.anchor}" title="{title}">{words}</a>'
    return f'{anchors}<mark class="{first.match.value}">{link}</mark>'
