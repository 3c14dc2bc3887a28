"""Layouts of the test part: they are for scores alone; do not read them to write a prompt."""

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
    Paragraph,
    Sheet,
    Table,
    TableRow,
)

_COLUMNS = (
    "date_of_loss", "claim_number", "claim_status", "claimant", "date_reported", "claim_paid",
    "claim_reserves", "claim_recovered", "date_closed", "adjuster",
)  # fmt: skip


def dotted(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a faxed form in capitals, with dots up to the value."""
    rows = field_rows(record, draw)
    head = [Heading(carrier.upper()), Heading(_title(record.kind, draw).upper())]
    return Sheet([*head, Fields(rows, FieldStyle.DOTS), *_told(record), *grid(record)])


def questionnaire(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set numbered questions; what is not known is left blank."""
    rows = [
        FieldRow(f"{number}. {row.label}?", row.value, row.pointers)
        for number, row in enumerate(field_rows(record, draw, blanks=True), 1)
    ]
    title = Heading(f"{carrier} - {_title(record.kind, draw)}")
    return Sheet([title, *_told(record), Fields(rows, FieldStyle.LINES), *grid(record)])


def stacked(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a modern statement: the table first, each value below its label."""
    rows = field_rows(record, draw)
    title = Heading(f"{_title(record.kind, draw)} | {carrier}")
    return Sheet([title, *grid(record), Fields(rows, FieldStyle.STACKED), *_told(record)])


def spread(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set values in a column of their own, without signs between."""
    rows = field_rows(record, draw)
    title = Heading(_title(record.kind, draw))
    foot = Paragraph(f"Underwritten by {carrier}")
    return Sheet([title, Fields(rows, FieldStyle.SPREAD), *grid(record), *_told(record), foot])


def mail(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set an e-mail."""
    body = sentences(record, draw)
    draw.dice.shuffle(body)
    return Sheet(
        [
            Paragraph(f"From: {draw.person()}"),
            Paragraph(f"To: claims, {carrier}"),
            Paragraph(f"Subject: {_title(record.kind, draw)}"),
            Paragraph(draw.one(draw.words.openings)),
            *body,
            *_told(record),
            Paragraph(draw.one(draw.words.closings)),
            Paragraph(" - ".join(record.extras.values())),
        ]
    )


def memo(record: Record, draw: Draw, carrier: str) -> Sheet:
    """Set a memo: a story with the values in it, then what is left as a list."""
    body = sentences(record, draw)
    told = [one for one in body if draw.chance(0.6)] or body[:1]
    named = {pointer for one in told for pointer in one.pointers}
    rows = [row for row in field_rows(record, draw) if not named.intersection(row.pointers)]
    title = Heading(f"{carrier}: {_title(record.kind, draw)}")
    return Sheet([title, joined([*told, *_told(record)]), Fields(rows, FieldStyle.SPREAD)])


def ledger(run: LossRun, draw: Draw, carrier: str) -> Sheet:
    """Set a table under a line for each policy, which goes on over pages."""
    labels = draw.words.labels
    blocks: list[Block] = [Heading(f"{carrier} {_title('loss_run', draw)}")]
    for policy, indexes in run.policies():
        named = [f"/rows/{index}/policy_number" for index in indexes]
        rows = [
            TableRow(
                [run.rows[index][name] or "-" for name in _COLUMNS],
                row_pointers(run, index, but=("policy_number",)),
                _remarks(run, index, draw),
            )
            for index in indexes
        ]
        blocks += [
            Paragraph(f"{draw.label('policy_number')} {policy}, held by {run.insured}", named),
            Table([labels[name][-1] for name in _COLUMNS], rows),
        ]
    return Sheet(blocks, [FieldRow("Figures as of", run.valued)])


def cards(run: LossRun, draw: Draw, carrier: str) -> Sheet:
    """Set each claim as a card: labels and values, two to a line."""
    blocks: list[Block] = [Heading(_title("loss_run", draw)), Paragraph(run.insured)]
    for index, row in enumerate(run.rows):
        rows = [
            FieldRow(draw.words.labels[name][-1], value, (f"/rows/{index}/{name}",))
            for name, value in row.items()
            if value
        ]
        blocks += [Heading(f"Loss {index + 1}"), Fields(rows, FieldStyle.PAIRS)]
    return Sheet(blocks, [FieldRow(carrier, f"Figures as of {run.valued}")])


def _title(kind: str, draw: Draw) -> str:
    return draw.one(draw.words.titles[kind])


def _told(record: Record) -> list[Paragraph]:
    return [Paragraph(" ".join(record.story))] if record.story else []


def _remarks(run: LossRun, index: int, draw: Draw) -> str:
    row = run.rows[index]
    told = [
        f"{draw.words.labels[name][-1]} - {row[name]}"
        for name in ("driver", "description")
        if row[name]
    ]
    return "; ".join(told)


FORMS: tuple[Layout, ...] = (dotted, questionnaire, stacked, spread)
PROSE: tuple[Layout, ...] = (mail, memo)
LOSS_RUNS: tuple[LossRunLayout, ...] = (ledger, cards)
