"""Text of a Word document's part, from the events of its XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workers.prepare.formats.paging import row_text

_TEXT = frozenset({"t"})
_IN_RUN = {"tab": "\t", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_CHECKED, _UNCHECKED = frozenset({"F0FE", "F0FD", "F0FC", "F052", "F054"}), "F0A8"
"""Characters of the font Wingdings that programs draw check boxes with."""


@dataclass(slots=True)
class WordPage:
    """One page: its lines, and the ids of the images that stand on it."""

    lines: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    """A table that is being read."""

    cells: list[str] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)


class WordBody:
    """Pages of a part; hand its three methods to `OfficePackage.parse`."""

    def __init__(self) -> None:
        self.pages = [WordPage()]
        self._path: list[str] = []
        self._paragraphs: list[list[str]] = []
        self._tables: list[_Table] = []
        self._skipped = 0
        self._breaks = False

    def start(self, tag: str, values: Mapping[str, str]) -> None:
        """Take the begin of an element."""
        parent = self._path[-1] if self._path else ""
        self._path.append(tag)
        # What a program writes for others that do not know its newer elements is there twice.
        if tag == "Fallback":
            self._skipped += 1
        elif self._skipped:
            return
        elif tag == "p":
            self._paragraphs.append([])
        elif tag == "tbl":
            self._tables.append(_Table())
        elif parent == "r":
            self._in_run(tag, values)
        elif tag in {"blip", "imagedata"}:
            self.pages[-1].images.append(values.get("embed") or values.get("id", ""))

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        self._path.pop()
        if tag == "Fallback":
            self._skipped -= 1
        elif self._skipped:
            return
        elif tag == "p" and self._paragraphs:
            self._line("".join(self._paragraphs.pop()))
        elif tag == "tc" and self._tables:
            table = self._tables[-1]
            table.cells.append(" ".join(table.paragraphs))
            table.paragraphs.clear()
        elif tag == "tr" and self._tables:
            row = row_text(self._tables[-1].cells)
            self._tables[-1].cells.clear()
            self._row(row)
        elif tag == "tbl" and self._tables:
            self._tables.pop()

    def text(self, text: str) -> None:
        """Take a stretch of text."""
        if self._paragraphs and not self._skipped and self._path[-1] in _TEXT:
            self._paragraphs[-1].append(text)

    def lines(self) -> Iterator[str]:
        """Return the lines of all pages."""
        return (line for page in self.pages for line in page.lines)

    def _in_run(self, tag: str, values: Mapping[str, str]) -> None:
        if tag == "lastRenderedPageBreak" or (tag == "br" and values.get("type") == "page"):
            self._break_page()
        elif tag == "br":
            self._add("\n")
        elif tag == "sym":
            code = values.get("char", "").upper()
            self._add("☒" if code in _CHECKED else "☐" if code == _UNCHECKED else " ")
        elif tag in _IN_RUN:
            self._add(_IN_RUN[tag])

    def _add(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].append(text)

    def _break_page(self) -> None:
        """End the page here, or after the row that is being read."""
        if self._tables or len(self._paragraphs) > 1:
            self._breaks = True
            return
        before = self._paragraphs and "".join(self._paragraphs[-1])
        if before and before.strip():
            self.pages[-1].lines.append(before)
            self._paragraphs[-1].clear()
        self._next_page()

    def _next_page(self) -> None:
        # Word marks where it broke the page, beside the break that made it do so.
        if self.pages[-1].lines or self.pages[-1].images:
            self.pages.append(WordPage())
        self._breaks = False

    def _line(self, text: str) -> None:
        if self._paragraphs:  # in a text box, which stands in a paragraph
            self._paragraphs[-1].append(f"\n{text}\n" if text.strip() else "")
        elif self._tables:
            self._tables[-1].paragraphs.append(text)
        elif text.strip():
            self.pages[-1].lines.extend(filter(str.strip, text.split("\n")))

    def _row(self, row: str) -> None:
        if len(self._tables) > 1:
            self._tables[-2].paragraphs.append(row)
        elif row:
            self.pages[-1].lines.append(row)
        if self._breaks and len(self._tables) == 1:
            self._next_page()
