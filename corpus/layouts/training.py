"""Layouts of the training part."""

from __future__ import annotations

from corpus.draw import Draw
from corpus.kinds.loss_runs import LossRun
from corpus.layouts.layout import (
    Layout,
    LossRunLayout,
    field_rows,
    grid,
    joined,
    row_pointers,
    sentences,
)
from corpus.record import Record
from corpus.sheet import (
    Block,
    FieldRow,
    Fields,
    FieldStyle,
    Heading,
    PageBreak,
    Paragraph,
    Sheet,
    Table,
    TableRow,
)

_COLUMNS = (
    "claim_number", "claimant", "date_reported", "date_of_loss", "claim_status", "date_closed",
    "adjuster", "claim_reserves", "claim_paid", "claim_recovered",
)  # fmt: skip


def form(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a printed form: labels and values, line by line."""
    return _fields(record, draw, carrier, FieldStyle.LINES)


def screen(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set the print of a screen: two labels to a line."""
    return _fields(record, draw, carrier, FieldStyle.PAIRS)


def boxes(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a form with boxes."""
    return _fields(record, draw, carrier, FieldStyle.BOXES)


def dashed(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a print-out: the story first, then labels and values with dashes, in any order."""
    rows = field_rows(record, draw, blanks=draw.chance(0.3))
    draw.dice.shuffle(rows)
    told = [Paragraph(" ".join(record.story))] if record.story else []
    title = Heading(f"{carrier}: {draw.one(draw.words.titles[record.kind])}")
    return Sheet([title, *told, Fields(rows, FieldStyle.DASHES), *grid(record)])


def _fields(record: Record, draw: Draw, carrier: str, style: FieldStyle) -> Sheet:
    head: list[Block] = [Heading(carrier), Heading(draw.one(draw.words.titles[record.kind]))]
    rows = field_rows(record, draw, blanks=style is FieldStyle.BOXES and draw.chance(0.5))
    told = [Paragraph(" ".join(record.story))] if record.story else []
    return Sheet([*head, Fields(rows, style), *grid(record), *told])


def letter(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a letter: sentences, and no labels."""
    body = sentences(record, draw)
    middle = max(len(body) // 2, 1)
    signed = next((value for _, value in record.given()), "")
    return Sheet(
        [
            Paragraph(f"To: {carrier}, Claims"),
            Paragraph(draw.one(draw.words.openings)),
            joined(body[:middle]),
            Paragraph(" ".join(record.story)),
            joined(body[middle:]),
            Paragraph(f"{draw.one(draw.words.closings)} {signed}"),
            Paragraph(record.extras.get("phone", "")),
        ]
    )


def message(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set an e-mail: the story, then sentences in any order, each a paragraph."""
    body = sentences(record, draw)
    draw.dice.shuffle(body)
    subject = draw.one(draw.words.titles[record.kind])
    return Sheet(
        [
            Paragraph(f"Subject: {subject}, for {carrier}"),
            Paragraph(draw.one(draw.words.openings)),
            Paragraph(" ".join(record.story)),
            *body,
            Paragraph(f"{draw.label('phone')}: {record.extras.get('phone', '')}"),
            Paragraph(f"{draw.label('reference')}: {draw.number('reference')}"),
        ]
    )


def note(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a note: a few labels, then sentences."""
    rows = field_rows(record, draw)
    head = rows[: len(rows) // 2]
    named = {pointer.removeprefix("/") for row in head for pointer in row.pointers}
    rest = [name for name in record.fields if name not in named]
    return Sheet(
        [
            Heading(f"{draw.one(draw.words.titles[record.kind])} - {carrier}"),
            Fields(head, FieldStyle.LINES),
            Paragraph(" ".join(record.story)),
            *sentences(record, draw, rest),
        ]
    )


def ruled(run: LossRun, draw: Draw, carrier: str) -> Sheet:
    """Set one table for all policies, the number of the policy in its first column."""
    labels = draw.words.labels
    table = Table(
        [labels[name][0] for name in ("policy_number", *_COLUMNS)],
        [
            TableRow(
                [row[name] or "" for name in ("policy_number", *_COLUMNS)],
                row_pointers(run, index),
                _note(run, index, draw),
            )
            for index, row in enumerate(run.rows)
        ],
    )
    return Sheet([_title(draw), table], _running(run, carrier))


def grouped(run: LossRun, draw: Draw, carrier: str) -> Sheet:
    """Set a table for each policy, each on a page of its own."""
    labels = draw.words.labels
    blocks: list[Block] = [_title(draw)]
    for number, (policy, indexes) in enumerate(run.policies()):
        if number:
            blocks.append(PageBreak())
        named = [f"/rows/{index}/policy_number" for index in indexes]
        rows = [
            TableRow(
                [run.rows[index][name] or "" for name in _COLUMNS],
                row_pointers(run, index, but=("policy_number",)),
                _note(run, index, draw),
            )
            for index in indexes
        ]
        blocks += [
            Paragraph(f"{draw.label('policy_number')}: {policy}", named),
            Table([labels[name][0] for name in _COLUMNS], rows),
            Paragraph(f"Claims under this policy: {len(indexes)}"),
        ]
    return Sheet(blocks, _running(run, carrier))


def _title(draw: Draw) -> Heading:
    return Heading(draw.one(draw.words.titles["loss_run"]))


def _running(run: LossRun, carrier: str) -> list[FieldRow]:
    return [
        FieldRow("Company", carrier),
        FieldRow("Insured", f"{run.insured}, valued {run.valued}"),
    ]


def _note(run: LossRun, index: int, draw: Draw) -> str:
    row = run.rows[index]
    told = [f"{draw.label(name)}: {row[name]}" for name in ("description", "driver") if row[name]]
    return " | ".join(told)


FORMS: tuple[Layout, ...] = (form, screen, boxes, dashed)
PROSE: tuple[Layout, ...] = (letter, note, message)
LOSS_RUNS: tuple[LossRunLayout, ...] = (ruled, grouped)
