"""One page, searchable for values however they are written. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import islice

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from schemas.document import Page, PageSource
from schemas.result import Match
from workers.infer.grounding.leaves import Scalar
from workers.infer.grounding.typed_values import (
    Typed,
    amount_of,
    amounts_in,
    date_of,
    dates_in,
)

_MOST_PLACES = 50
"""Maximum places of one value on one page; a page of one repeated digit has thousands."""
_FUZZY_LETTERS = 8
"""Minimum letters and digits of a value that may be found approximately."""
_LETTERS_PER_EDIT = 8
_LETTERS_PER_WORD_EDIT = 3
"""A third of a word's letters may differ, and one of a short word."""
_FUZZY_SCORE, _FUZZY_SCORE_OCR = 85.0, 75.0
"""Minimum likeness of a stretch, before its edits are counted."""
_MISREAD = str.maketrans({"o": "0", "l": "1", "i": "1", "s": "5", "b": "8", "z": "2", "g": "9"})
"""Characters that OCR confuses."""


@dataclass(frozen=True, slots=True)
class Place:
    """Characters of a page that give a value.

    Attributes:
        page: Number of the page.
        start: First character, in the page's text.
        end: Character after the last.
        match: Kind of the match.
    """

    page: int
    start: int
    end: int
    match: Match


def places_of(value: Scalar, pages: Sequence[PageIndex]) -> list[Place]:
    """Find a value on pages: exactly, else as an equal value, else approximately.

    Args:
        value: Text or a number.
        pages: In document order.
    """
    text = value if isinstance(value, str) else f"{Decimal(str(value)):f}"
    for search in (PageIndex.exact, PageIndex.same, PageIndex.almost):
        if found := [p for page in pages for p in islice(search(page, text), _MOST_PLACES)]:
            return found
    return []


class PageIndex:
    """The text of a page in the forms in which values are looked for."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def exact(self, text: str) -> Iterator[Place]:
        """Find a text character by character."""
        wanted = text.strip()
        for start in _occurrences(self.page.text, wanted):
            yield self._place(start, start + len(wanted), Match.EXACT)

    def same(self, text: str) -> Iterator[Place]:
        """Find the same date, the same amount, or the same letters and digits."""
        dates, amounts = date_of(text), amount_of(text)
        for day in self._dates if dates else ():
            if day.values & dates:
                yield self._place(day.start, day.end, Match.NORMALIZED)
        for amount in self._amounts if amounts else ():
            if amount.values & amounts:
                yield self._place(amount.start, amount.end, Match.NORMALIZED)
        if not dates and not amounts:
            yield from self._in_form(self._words, text, Match.NORMALIZED)

    def almost(self, text: str) -> Iterator[Place]:
        """Find a text except for a few letters, or for characters that OCR confuses."""
        if self.page.source is PageSource.OCR:
            yield from self._in_form(self._misread, text, Match.FUZZY)
        wanted = _Form(self._told_apart(text))
        # June is no misspelled July: dates and amounts have been compared by what they mean.
        if len(wanted.characters) < _FUZZY_LETTERS or date_of(text) or amount_of(text):
            return
        found = fuzz.partial_ratio_alignment(
            wanted.characters, self._words.characters, score_cutoff=self._fuzzy_score
        )
        if found is None or found.dest_start == found.dest_end:
            return
        start, end = self._whole_words(found.dest_start, found.dest_end)
        quote = _Form(self._told_apart(self.page.text[start:end])).characters
        if not _says_another(wanted, quote, self._classes):
            yield self._place(start, end, Match.FUZZY)

    def _in_form(self, form: _Form, text: str, match: Match) -> Iterator[Place]:
        wanted = form.of(text).characters
        if not wanted:
            return
        for start in _occurrences(form.characters, wanted, bounded=False):
            first, last = form.places[start], form.places[start + len(wanted) - 1]
            if not _inside_word(self.page.text, first, last + 1):
                yield self._place(first, last + 1, match)

    def _whole_words(self, start: int, end: int) -> tuple[int, int]:
        """Extend a stretch of the normalised text to whole words of the page."""
        text = self.page.text
        first, last = self._words.places[start], self._words.places[end - 1] + 1
        while first > 0 and text[first - 1].isalnum():
            first -= 1
        while last < len(text) and text[last].isalnum():
            last += 1
        return first, last

    @property
    def _fuzzy_score(self) -> float:
        return _FUZZY_SCORE_OCR if self.page.source is PageSource.OCR else _FUZZY_SCORE

    def _told_apart(self, text: str) -> str:
        """Return a text with one letter for what OCR takes for two."""
        return text.replace("rn", "m") if self.page.source is PageSource.OCR else text

    @property
    def _classes(self) -> Mapping[int, str]:
        """Return one character for all that OCR takes for one another."""
        return _MISREAD if self.page.source is PageSource.OCR else {}

    def _place(self, start: int, end: int, match: Match) -> Place:
        return Place(self.page.number, start, end, match)

    @cached_property
    def _words(self) -> _Form:
        return _Form(self.page.text)

    @cached_property
    def _misread(self) -> _Form:
        return _Form(self.page.text, misread=True)

    @cached_property
    def _dates(self) -> list[Typed[date]]:
        return list(dates_in(self.page.text))

    @cached_property
    def _amounts(self) -> list[Typed[Decimal]]:
        return list(amounts_in(self.page.text))


class _Form:
    """Letters and digits of a text in one case, each with its place and its word."""

    def __init__(self, text: str, *, misread: bool = False) -> None:
        characters: list[str] = []
        self.places: list[int] = []
        self.words: list[int] = []
        word = 0
        for place, character in enumerate(text):
            word += character.isspace()
            plain = unicodedata.normalize("NFKC", character).casefold()
            if misread:
                plain = plain.translate(_MISREAD)
            for one in plain:
                if one.isalnum():
                    characters.append(one)
                    self.places.append(place)
                    self.words.append(word)
        self.characters = "".join(characters)
        self._misread = misread

    def of(self, text: str) -> _Form:
        """Return another text in this form."""
        return _Form(text, misread=self._misread)


def _says_another(wanted: _Form, quote: str, classes: Mapping[int, str]) -> bool:
    """Tell whether a quote says something else than a value, and no misspelled form of it.

    Of eight letters one may differ, but no digit: another digit is another number. Where all that
    differs is one short word, as in `hail damage to the roof` and `Dana damage to the roof`, the
    quote says something else, too.

    Args:
        wanted: The value.
        quote: Letters and digits of the page.
        classes: Characters that count as the same, by character.
    """
    value = wanted.characters
    edits = Levenshtein.editops(value.translate(classes), quote.translate(classes))
    if len(edits) > max(1, len(value) // _LETTERS_PER_EDIT):
        return True
    words: dict[int, int] = {}
    for edit in edits:
        touched = value[edit.src_pos : edit.src_pos + (edit.tag != "insert")]
        touched += quote[edit.dest_pos : edit.dest_pos + (edit.tag != "delete")]
        if any(character.isdigit() for character in touched):
            return True
        word = wanted.words[min(edit.src_pos, len(value) - 1)]
        words[word] = words.get(word, 0) + 1
    return any(
        count > max(1, wanted.words.count(word) // _LETTERS_PER_WORD_EDIT)
        for word, count in words.items()
    )


def _occurrences(text: str, wanted: str, *, bounded: bool = True) -> Iterator[int]:
    if not wanted:
        return
    for match in re.finditer(re.escape(wanted), text):
        if not bounded or not _inside_word(text, match.start(), match.end()):
            yield match.start()


def _inside_word(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch begins or ends within a word or a number."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    if before and before[-1].isalnum() and text[start].isalnum():
        return True
    if after and after[0].isalnum() and text[end - 1].isalnum():
        return True
    # 77 is not in 1,200.77, and 10000 is not in 0092-10000: each is another number.
    if text[start].isdigit() and re.fullmatch(r"\d[.,/-]", before):
        return True
    return text[end - 1].isdigit() and re.fullmatch(r"[.,/-]\d", after) is not None
