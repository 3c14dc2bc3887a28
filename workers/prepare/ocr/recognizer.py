"""Interface of an OCR engine to the reader's process."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from workers.prepare.formats.format import Picture

Place = tuple[int, int, float, float, float, float]
"""Place of a word, see schemas.document.WordBox."""


class Recognition(NamedTuple):
    """Text that was recognized on a page."""

    text: str
    words: tuple[Place, ...]
    is_sure: bool
    """Whether the engine believes most of it; a page of noise gives text, too."""


class Recognizer(Protocol):
    """An OCR engine, loaded."""

    def recognize(self, picture: Picture) -> Recognition:
        """Read a page, whichever way up it is; runs locked down: it opens nothing."""
        ...
