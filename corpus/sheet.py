"""A sheet: a document as blocks, which text and PDF set each in their own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto


class FieldStyle(Enum):
    """How labels and values are set."""

    LINES = auto()
    """`Label: value`, line by line."""
    PAIRS = auto()
    """Two to a line, with a bar between."""
    BOXES = auto()
    """A table with a border: label, value."""
    DASHES = auto()
    """`Label - value`, line by line."""
    DOTS = auto()
    """Capitals, with dots up to the value."""
    STACKED = auto()
    """The value below its label."""
    SPREAD = auto()
    """Values in a column of their own."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One label with its value.

    Attributes:
        label: As printed.
        value: As printed; empty where a form is left blank.
        pointers: JSON pointers of the value in the truth.
    """

    label: str
    value: str
    pointers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that stands out."""

    text: str


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels and values."""

    rows: Sequence[FieldRow]
    style: FieldStyle


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text, and the JSON pointers of the values in it."""

    text: str
    pointers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table, with a line of text below it where there is one.

    Attributes:
        cells: As printed.
        pointers: JSON pointers of the values that stand in it.
        note: The line below.
    """

    cells: Sequence[str]
    pointers: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that may go over pages; its header comes again on each."""

    headers: Sequence[str]
    rows: Sequence[TableRow]


@dataclass(frozen=True, slots=True)
class PageBreak:
    """The beginning of a new page; with a pointer, of a new document of a packet."""

    pointer: str | None = None


Block = Heading | Fields | Paragraph | Table | PageBreak


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document.

    Attributes:
        blocks: In order.
        running: Labels and values that stand at the head of each page.
    """

    blocks: Sequence[Block]
    running: Sequence[FieldRow] = field(default=())
