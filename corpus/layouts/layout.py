"""Tools of the layouts of both parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from corpus.draw import Draw
from corpus.kinds.loss_runs import LossRun
from corpus.record import Record
from corpus.sheet import Block, FieldRow, Paragraph, Sheet, Table, TableRow

Layout = Callable[[Record, Draw, str], Sheet]
"""Sets a record of a carrier; what the record does not have is not mentioned, or left blank."""
LossRunLayout = Callable[[LossRun, Draw, str], Sheet]
"""Sets a loss run of a carrier."""


def field_rows(record: Record, draw: Draw, *, blanks: bool = False) -> list[FieldRow]:
    """Label the fields of a record and its extras, in an order that differs a little.

    Args:
        record: What is to be said.
        draw: Decides on labels and order.
        blanks: Whether a field without a value is printed and left blank.
    """
    rows = [
        FieldRow(draw.label(name), value or "", (f"/{name}",) if value else ())
        for name, value in record.fields.items()
        if value or blanks
    ]
    for name, value in record.extras.items():
        rows.insert(draw.dice.randint(0, len(rows)), FieldRow(draw.label(name), value))
    return rows


def sentences(record: Record, draw: Draw, names: Iterable[str] | None = None) -> list[Paragraph]:
    """Tell the fields of a record in sentences.

    Args:
        record: What is to be said.
        draw: Decides on the words.
        names: The fields to tell; all by default.
    """
    wanted = set(record.fields if names is None else names)
    return [
        Paragraph(draw.sentence(name, value), (f"/{name}",))
        for name, value in record.given()
        if name in wanted
    ]


def joined(paragraphs: Sequence[Paragraph]) -> Paragraph:
    """Put sentences into one paragraph."""
    return Paragraph(
        " ".join(one.text for one in paragraphs),
        [pointer for one in paragraphs for pointer in one.pointers],
    )


def grid(record: Record) -> list[Block]:
    """Set the record's table, if it has one."""
    if record.grid is None:
        return []
    return [Table(record.grid.headers, [TableRow(cells) for cells in record.grid.rows])]


def row_pointers(run: LossRun, index: int, but: Collection[str] = ()) -> list[str]:
    """Return the pointers of the values of a loss run's row, but for some fields."""
    given = run.rows[index].items()
    return [f"/rows/{index}/{name}" for name, value in given if value and name not in but]
