"""A rendered document: its bytes, and the pages on which its values stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Places:
    """Pages of values, noted while a document is set.

    Attributes:
        pages: Page numbers from 1, by JSON pointer.
    """

    pages: dict[str, list[int]] = field(default_factory=dict)

    def note(self, pointers: Iterable[str], page: int) -> None:
        """Note that values stand on a page."""
        for pointer in pointers:
            found = self.pages.setdefault(pointer, [])
            if page not in found:
                found.append(page)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file.

    Attributes:
        data: Its bytes.
        suffix: Of its name, such as `.pdf`.
        pages: Number of pages.
        places: Page numbers by JSON pointer.
    """

    data: bytes
    suffix: str
    pages: int
    places: Mapping[str, Sequence[int]]
