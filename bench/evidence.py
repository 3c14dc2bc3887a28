"""Measure the evidence of values without a model: truths of the corpus, and planted values.

A truth has to be found on the page that holds it. A planted value, which the document does not
hold, has to be `ungrounded`: it is that of another document, or almost that of this one.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from rich.progress import track

from bench.table import print_table, write_json
from corpus.document import (
    KINDS,
    OCR_TEXT,
    PACKET,
    PDF,
    RENDERINGS,
    SEED,
    TEXT,
    Document,
    make_document,
)
from corpus.part import Part, vocabulary
from corpus.render.scan import QUALITIES
from docfleet.evaluation.intervals import Figure, wilson
from docfleet.evaluation.scoring import cells
from schemas.document import Page, PageSource
from schemas.result import Evidence, Match
from schemas.task import Task
from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from settings.sections.tasks import load_tasks
from workers.infer.grounding.choices import is_choice
from workers.infer.grounding.locator import Locator
from workers.infer.grounding.typed_values import amount_of, date_of
from workers.prepare.document import read_document
from workers.prepare.formats import pdf, plain_text
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox

_TASKS = load_tasks(Path("tasks"))
_NO_SCHEMA: Mapping[str, Any] = {"type": "object"}
_MOST_PAGES = 500
_KINDS = [kind for kind in KINDS if kind != PACKET]
"""Kinds of documents; a packet has no values."""
Reader = Callable[[Document, str], Sequence[Page]]
"""Reads a document, given its rendering."""
_AMOUNT = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(slots=True)
class Counts:
    """Counts of a rendering, and the first misses."""

    hits: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def add(self, claim: str, *, holds: bool, told: str) -> None:
        """Count one case of a claim."""
        self.cases[claim] += 1
        self.hits[claim] += holds
        if not holds:
            self.misses.append(f"{claim}: {told}")

    def figure(self, claim: str) -> Figure:
        """Return the share of a claim's cases that hold."""
        return wilson(self.hits[claim], self.cases[claim])


def pages_of(document: Document, rendering: str) -> list[Page]:
    """Read a document as a prepare worker does."""
    if document.file.suffix == ".pdf":
        pdf.load()
        read = pdf.read(document.file.data, _MOST_PAGES)
    else:
        read = plain_text.read(document.file.data, _MOST_PAGES)
    source = PageSource.OCR if rendering == OCR_TEXT else PageSource.TEXT
    return [
        Page(number=number, text=page.text, start=0, source=source)
        for number, page in enumerate(read, 1)
    ]


@contextmanager
def scan_reader() -> Iterator[Reader]:
    """Read scans as a prepare worker does: in the sandbox, by OCR."""
    sandbox, ocr = Sandbox(), Ocr(OcrSettings())

    async def read(data: bytes) -> Sequence[Page]:
        return (await read_document(data, LimitSettings(), sandbox, ocr)).pages

    with asyncio.Runner() as runner:
        runner.run(sandbox.start())
        runner.run(ocr.start())
        yield lambda document, _: runner.run(read(document.file.data))
        ocr.stop()
        sandbox.stop()


def measure(
    document: Document, pages: Sequence[Page], whole: str, counts: Counts, dice: Random
) -> None:
    """Look for the truths of a document, and for planted values.

    Args:
        document: A document of any kind except a packet.
        pages: Pages of the document, as they were read.
        whole: Its text without misread characters.
        counts: Added to.
        dice: Decides on what is planted.
    """
    ((task, places),) = document.truth["places"].items()
    data = document.truth["tasks"][task]
    shipped: Task | None = _TASKS.get(task)
    schema = shipped.output_schema if shipped else _NO_SCHEMA
    found = Locator(pages).evidence(data, schema)
    values = {p: v for p, v in cells(data).items() if v and not is_choice(schema, p)}
    for pointer, value in values.items():
        place = found.get(pointer)
        on_page = place is not None and place.page in places[pointer]
        counts.add("held", holds=on_page, told=_told(document, pointer, value, place))
    text = "\n".join([page.text for page in pages] + [whole])
    planted = plant(values, text, document, dice)
    found = Locator(pages).evidence(_nested(data, planted), schema)
    for pointer, value in planted.items():
        is_unfounded = found[pointer].match is Match.UNGROUNDED
        told = _told(document, pointer, value, found[pointer])
        counts.add("planted", holds=is_unfounded, told=f"{told} for {values[pointer]}")


def _told(document: Document, pointer: str, value: str, place: Evidence | None) -> str:
    said = f"{place.match} p{place.page} {place.quote!r}" if place else "nothing"
    return f"{document.name} {document.truth['layout']} {pointer} {value!r}: {said}"


def _nested(data: Any, planted: Mapping[str, str], pointer: str = "") -> Any:
    """Return the data with planted values alone."""
    if isinstance(data, Mapping):
        return {key: _nested(value, planted, f"{pointer}/{key}") for key, value in data.items()}
    if isinstance(data, list):
        return [_nested(one, planted, f"{pointer}/{index}") for index, one in enumerate(data)]
    return planted.get(pointer)


def plant(values: Mapping[str, str], text: str, document: Document, dice: Random) -> dict[str, str]:
    """Make values that a document does not hold, each near one that it holds.

    Args:
        values: By JSON pointer, as the document writes them.
        text: Text of the document.
        document: Says from which part names may come.
        dice: Decides.
    """
    words = vocabulary(document.truth["part"])
    planted: dict[str, str] = {}
    for pointer, value in values.items():
        for _ in range(20):
            changed = _changed(value, words.first_names, words.dates + words.table_dates, dice)
            if changed and not holds(text, changed):
                planted[pointer] = changed
                break
    return planted


def _changed(value: str, names: Sequence[str], forms: Sequence[str], dice: Random) -> str | None:
    """Change a value a little: another day, another amount, another digit, another first name."""
    if days := date_of(value):
        other = min(days) + timedelta(days=dice.choice((-30, -7, -1, 1, 2, 365)))
        form = next((one for one in forms if any(one.format(day) == value for day in days)), None)
        return form.format(other) if form else None
    if any(sign.isdigit() for sign in value):
        at = dice.choice([place for place, sign in enumerate(value) if sign.isdigit()])
        return value[:at] + dice.choice("0123456789".replace(value[at], "")) + value[at + 1 :]
    first, space, rest = value.partition(" ")
    return f"{dice.choice([one for one in names if one != first])}{space}{rest}" if space else None


def holds(text: str, value: str) -> bool:
    """Tell whether a document holds a value; a rule apart from that which is measured."""
    if days := date_of(value):
        return any(_holds_day(text, day) for day in days)
    if amount_of(value):
        return bool(_amounts(text) & amount_of(value))
    return _letters.__wrapped__(value) in _letters(text)


def _holds_day(text: str, day: date) -> bool:
    forms = {form for part in Part for form in (*vocabulary(part).dates,
                                                *vocabulary(part).table_dates)}  # fmt: skip
    return any(form.format(day) in text for form in forms)


@lru_cache(maxsize=8)
def _amounts(text: str) -> set[Decimal]:
    return {Decimal(one.replace(",", "")) for one in _AMOUNT.findall(text)}


@lru_cache(maxsize=8)
def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def run(
    part: Part,
    count: int,
    seed: int,
    renderings: Sequence[str] = (TEXT, PDF, OCR_TEXT),
    *,
    reader: Reader = pages_of,
    track_: Callable[[range], Iterable[int]] = iter,
) -> dict[str, Counts]:
    """Measure a number of documents of each kind and rendering; return counts by rendering."""
    found = {rendering: Counts() for rendering in renderings}
    dice = Random(seed)  # noqa: S311  # it keeps no secret
    for number in track_(range(count)):
        for kind in _KINDS:
            whole = make_document(part, kind, number, TEXT, seed).file.data.decode()
            for rendering, counts in found.items():
                document = make_document(part, kind, number, rendering, seed)
                measure(document, reader(document, rendering), whole, counts, dice)
    return found


def main() -> None:
    """Measure, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.evidence")
    parser.add_argument("--part", type=Part, choices=list(Part), default=Part.TEST)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=40, help="documents of each kind")
    parser.add_argument(
        "--renderings", nargs="+", choices=RENDERINGS, default=(TEXT, PDF, OCR_TEXT),
        help="scans are read by OCR, and then so is the rest in the sandbox",
    )  # fmt: skip
    parser.add_argument("--misses", type=int, default=0, help="print so many of each rendering")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    is_scanned = not set(arguments.renderings).isdisjoint(QUALITIES)
    with scan_reader() if is_scanned else nullcontext(pages_of) as reader:
        found = run(
            arguments.part, arguments.count, arguments.seed, arguments.renderings,
            reader=reader, track_=track,
        )  # fmt: skip
    rows = [_row(rendering, counts) for rendering, counts in found.items()]
    print_table(f"Evidence, part {arguments.part}, seed {arguments.seed}", rows)
    for rendering, counts in found.items():
        for miss in counts.misses[: arguments.misses]:
            print(rendering, miss)
    write_json(arguments.json, {"rows": rows})


def _row(rendering: str, counts: Counts) -> dict[str, Any]:
    held, planted = counts.figure("held"), counts.figure("planted")
    return {
        "rendering": rendering,
        "values": held.count,
        "on the right page": _share(held),
        "planted": planted.count,
        "ungrounded": _share(planted),
    }


def _share(found: Figure) -> str:
    return f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"


if __name__ == "__main__":
    main()
