"""The documents that benchmarks run: the demo's, each made one of a kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pypdfium2

from producer.rules import chosen, fits, with_buckets
from schemas.document import Page, PageText
from schemas.task import Task
from settings.fleet import FleetSettings

DOCUMENTS = Path(__file__).parents[1] / "demo" / "documents"


@dataclass(frozen=True, slots=True)
class Work:
    """One document, read, and the tasks to run on it."""

    page_text: PageText
    tasks: Sequence[Task]


def workload(
    settings: FleetSettings, tasks: Mapping[str, Task], count: int, mark: str
) -> list[Work]:
    """Documents of a kind that insurers send, with the tasks that the rules give them.

    Args:
        settings: Settings with the rules.
        tasks: By name.
        count: Number of documents; the demo's are used in turn.
        mark: Stands at the head of each text with its number, so that none is in a prefix cache.
    """
    texts = [
        (path.relative_to(DOCUMENTS).as_posix(), _text(path))
        for path in sorted(DOCUMENTS.rglob("*"))
        if path.is_file()
    ]
    works = []
    rules = with_buckets(settings.rules, settings.incoming_bucket)
    for number, (name, text) in enumerate(islice(cycle(texts), count)):
        fit = chosen(fits(rules, settings.incoming_bucket, name), {})
        if fit is None:
            raise LookupError(f"no rule of fleet.toml fits {name}")
        marked = f"Reference {mark}-{number}\n{text}"
        works.append(Work(_page_text(marked), [tasks[task] for task in fit.rule.tasks]))
    return works


def _text(path: Path) -> str:
    if path.suffix != ".pdf":
        return path.read_text(encoding="utf-8")
    with pypdfium2.PdfDocument(path) as document:
        return "\f".join(page.get_textpage().get_text_range() for page in document)


def _page_text(text: str) -> PageText:
    data = text.encode()
    return PageText(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="text/plain",
        size=len(data),
        pages=(Page(number=1, text=text, start=0),),
    )
