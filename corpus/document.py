"""Documents of the corpus: the same ones from the same seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from corpus.draw import Draw
from corpus.kinds import bills, calls, claims, loss_runs, policies, reports
from corpus.layouts import held_out, training
from corpus.part import Part, vocabulary
from corpus.record import Record
from corpus.render.noise import misread, with_typos
from corpus.render.pdf import render_pdf
from corpus.render.rendered import Rendered
from corpus.render.scan import QUALITIES, render_scan
from corpus.render.text import render_text
from corpus.sheet import PageBreak, Sheet

SEED = 20_260_101
_RECORDS: Mapping[str, Callable[[Draw], Record]] = {
    "fnol": claims.loss_notice,
    "policy": policies.policy,
    "medical_bill": bills.medical_bill,
    "call_transcript": calls.call_transcript,
    "police_report": reports.police_report,
    "repair_estimate": bills.repair_estimate,
    "letter": reports.letter,
    "claim_note": claims.claim_note,
}
PACKET, LOSS_RUN = "packet", "loss_run"
KINDS = (*_RECORDS, LOSS_RUN, PACKET)
TEXT, OCR_TEXT, PDF = "text", "ocr-text", "pdf"
RENDERINGS = (TEXT, OCR_TEXT, PDF, *QUALITIES)
_PACKET_SIZE = (2, 5)
_LAYOUTS = {Part.TRAIN: training, Part.TEST: held_out}


@dataclass(frozen=True, slots=True)
class Document:
    """A document and its truth.

    Attributes:
        name: Its kind and number.
        file: Its bytes and the places of its values.
        truth: As it is written beside the document.
    """

    name: str
    file: Rendered
    truth: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Draft:
    sheet: Sheet
    layout: str
    task: str
    tasks: Mapping[str, Any]


def make_document(part: Part, kind: str, number: int, rendering: str, seed: int = SEED) -> Document:
    """Make one document.

    Args:
        part: Whose layouts and words.
        kind: One of KINDS.
        number: Another number is another document.
        rendering: One of RENDERINGS.
        seed: Of the dice.
    """
    dice = Random(f"{seed}-{part}-{kind}-{number}")  # noqa: S311  # it keeps no secret
    draft = _draft(part, kind, Draw(vocabulary(part), dice))
    file = _render(with_typos(draft.sheet, dice), rendering, dice)
    tasks = dict(draft.tasks)
    places = {draft.task: file.places}
    if kind == PACKET:
        tasks[PACKET] = {"documents": _spans(tasks[PACKET], file)}
        places = {}
    truth = {
        "kind": kind, "part": part, "seed": seed, "number": number, "layout": draft.layout,
        "rendering": rendering, "pages": file.pages, "tasks": tasks, "places": places,
    }  # fmt: skip
    return Document(f"{kind}-{number:05}", file, truth)


def _draft(part: Part, kind: str, draw: Draw) -> _Draft:
    if kind == PACKET:
        return _packet(part, draw)
    if kind == LOSS_RUN:
        record, run = loss_runs.loss_run(draw)
        layout = draw.one(_LAYOUTS[part].LOSS_RUNS)
        sheet = layout(run, draw, draw.joined(draw.words.carriers))
        return _Draft(sheet, layout.__name__, record.task, record.more_truth)
    return _of_record(part, _RECORDS[kind](draw), draw)


def _of_record(part: Part, record: Record, draw: Draw) -> _Draft:
    tasks = {record.task: dict(record.fields), **record.more_truth}
    if record.sheet is not None:
        return _Draft(record.sheet, "turns", record.task, tasks)
    module = _LAYOUTS[part]
    layout = draw.one(module.PROSE if record.is_prose else module.FORMS)
    sheet = layout(record, draw, record.letterhead or draw.joined(draw.words.carriers))
    return _Draft(sheet, layout.__name__, record.task, tasks)


def _packet(part: Part, draw: Draw) -> _Draft:
    """Put documents of several kinds into one; each begins on a new page."""
    kinds = [draw.one(sorted(_RECORDS)) for _ in range(draw.dice.randint(*_PACKET_SIZE))]
    blocks: list[Any] = []
    for number, kind in enumerate(kinds):
        drawn = _draft(part, kind, Draw(draw.words, draw.dice))
        blocks += [PageBreak(f"/documents/{number}"), *drawn.sheet.blocks]
    return _Draft(Sheet(blocks), PACKET, PACKET, {PACKET: kinds})


def _spans(kinds: list[str], file: Rendered) -> list[dict[str, Any]]:
    """Return the documents of a packet as the task kind `packet` gives them."""
    first = [file.places[f"/documents/{number}"][0] for number in range(len(kinds))]
    last = [*(page - 1 for page in first[1:]), file.pages]
    return [
        {"kind": kind, "first_page": begin, "last_page": end}
        for kind, begin, end in zip(kinds, first, last, strict=True)
    ]


def _render(sheet: Sheet, rendering: str, dice: Random) -> Rendered:
    if rendering in QUALITIES:
        return render_scan(render_pdf(sheet, dice), rendering, dice)
    if rendering == PDF:
        return render_pdf(sheet, dice)
    file = render_text(sheet)
    if rendering == TEXT:
        return file
    text = misread(file.data.decode(), dice).encode()
    return Rendered(text, file.suffix, file.pages, file.places)
