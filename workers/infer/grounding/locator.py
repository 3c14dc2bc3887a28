"""The locator: evidence for each leaf value of an answer. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.document import Page
from schemas.result import Evidence, Match
from workers.infer.grounding.choices import is_choice
from workers.infer.grounding.leaves import Leaf, Scalar, leaves
from workers.infer.grounding.page_index import PageIndex, Place, places_of

_LABEL_CHARACTERS = 160
"""Characters before a value in which the words of its field's name are looked for."""
_RANK = {Match.EXACT: 0, Match.NORMALIZED: 1, Match.FUZZY: 2}
_UNGROUNDED = Evidence(match=Match.UNGROUNDED)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a page.

    Attributes:
        page: Number of the page.
        start: First character, in the page's text.
        end: Character after the last.
    """

    page: int
    start: int
    end: int

    def holds(self, place: Place) -> bool:
        """Tell whether a place lies within."""
        return self.page == place.page and self.start <= place.start and place.end <= self.end


class Locator:
    """Finds the places of values on the pages of one document.

    Args:
        pages: In document order.
    """

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = {page.number: PageIndex(page) for page in pages}
        self._anchors: set[tuple[int, int]] = set()

    def evidence(
        self, data: Any, schema: Mapping[str, Any], within: Sequence[Span] | None = None
    ) -> dict[str, Evidence]:
        """Locate the leaf values of an answer.

        A choice of the schema (an `enum`, a truth value) is the task's word and not the document's:
        it has evidence only beside its field's name.

        Args:
            data: Valid against the schema.
            schema: The task's schema.
            within: Stretches to look in; all pages by default.

        Returns:
            Evidence by JSON pointer; a value that is not found is `ungrounded`.
        """
        records: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in leaves(data):
            records[leaf.record].append(leaf)
        found: dict[str, Evidence] = {}
        for record, members in records.items():
            found |= self._record(members, schema, within, in_list=bool(record))
        return found

    def _record(
        self,
        members: Sequence[Leaf],
        schema: Mapping[str, Any],
        within: Sequence[Span] | None,
        *,
        in_list: bool,
    ) -> dict[str, Evidence]:
        choices = {leaf.pointer for leaf in members if is_choice(schema, leaf.pointer)}
        places = {
            leaf.pointer: self._places(leaf.value, within)
            for leaf in members
            if not isinstance(leaf.value, bool)
        }
        anchor = self._anchor(places, choices) if in_list else None
        found: dict[str, Evidence] = {}
        for leaf in members:
            place = self._best(leaf, places.get(leaf.pointer, []), anchor)
            if leaf.pointer in choices:
                if place is not None and self._label_hits(leaf, place):
                    found[leaf.pointer] = self._said(place)
            else:
                found[leaf.pointer] = self._said(place) if place else _UNGROUNDED
        return found

    def _places(self, value: Scalar, within: Sequence[Span] | None) -> list[Place]:
        if within is None:
            return places_of(value, list(self._pages.values()))
        numbers = dict.fromkeys(span.page for span in within)
        found = places_of(value, [self._pages[number] for number in numbers])
        return [place for place in found if any(span.holds(place) for span in within)]

    def _anchor(self, places: Mapping[str, Sequence[Place]], choices: set[str]) -> Place | None:
        """Return the place of the record's rarest value, each place for one record only."""
        rare = sorted(
            (found for pointer, found in places.items() if found and pointer not in choices),
            key=lambda found: (len(found), found[0].start - found[0].end),
        )
        for found in rare:
            for place in found:
                if (place.page, place.start) not in self._anchors:
                    self._anchors.add((place.page, place.start))
                    return place
        return rare[0][0] if rare else None

    def _best(self, leaf: Leaf, places: Sequence[Place], anchor: Place | None) -> Place | None:
        def rank(place: Place) -> tuple[float, ...]:
            if anchor is not None:
                return (*self._distance(place, anchor), _RANK[place.match])
            hits = self._label_hits(leaf, place)
            return (_RANK[place.match], -hits, place.page, place.start)

        return min(places, key=rank, default=None)

    def _label_hits(self, leaf: Leaf, place: Place) -> float:
        """Return the share of the words of the field's name that stand before a place."""
        text = self._pages[place.page].page.text
        before = text[max(place.start - _LABEL_CHARACTERS, 0) : place.start].casefold()
        words = set(_words(leaf.label))
        return len(words & set(re.findall(r"[a-z]+", before))) / max(len(words), 1)

    def _distance(self, place: Place, anchor: Place) -> tuple[float, ...]:
        """Return a place's distance from an anchor; a place before the anchor is farther.

        A record may go over the end of a page: the lines to there and those on the next page count.
        """
        first, last = sorted((place, anchor), key=lambda one: (one.page, one.start))
        if first.page == last.page:
            lines, characters = self._passed(first.page, first.start, last.start)
        else:
            tail = self._passed(first.page, first.start, None)
            head = self._passed(last.page, 0, last.start)
            lines, characters = tail[0] + head[0] + 1, tail[1] + head[1]
        back = 0.5 if first is place and lines else 0
        return (max(last.page - first.page - 1, 0), lines + back, characters)

    def _passed(self, page: int, start: int, end: int | None) -> tuple[int, int]:
        """Count lines and characters of a stretch of a page."""
        stretch = self._pages[page].page.text[start:end]
        return stretch.count("\n"), len(stretch)

    def _said(self, place: Place) -> Evidence:
        return Evidence(
            page=place.page,
            start=place.start,
            end=place.end,
            quote=self._pages[place.page].page.text[place.start : place.end],
            match=place.match,
        )


def _words(name: str) -> list[str]:
    """Split a field's name: `policyNumber` and `policy_number` are two words."""
    return re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).casefold())
