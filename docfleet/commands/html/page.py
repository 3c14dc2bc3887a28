"""The page of a result, whole. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from docfleet.commands.html.escaping import shown
from docfleet.commands.html.highlights import Highlight, marked
from docfleet.commands.html.style import POLICY, STYLE
from docfleet.commands.html.values import Value, value_row, values_of
from docfleet.commands.html.words import drawing
from schemas.document import Page, PageSource, PageText
from schemas.result import JobResult, TaskResult

_HEADINGS = ("Place", "Value", "Where", "Confidence", "Findings")


def result_page(result: JobResult, text: PageText | None) -> str:
    """Return one HTML file: the document's pages beside its values; it loads nothing.

    Args:
        result: Of the job.
        text: What was read of the document; None where it was deleted.
    """
    values = values_of(result)
    pages = "".join(_pages(result, text, values))
    tables = "".join(_tables(result, values))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{shown(_name(result))}</title><style>{STYLE}</style></head><body>"
        f"<header>{_head(result)}</header>"
        f'<main><div class="pages">{pages}</div><div class="values">{tables}</div></main>'
        "</body></html>\n"
    )


def _name(result: JobResult) -> str:
    return result.document.name or result.document.uri


def _head(result: JobResult) -> str:
    document = result.document
    facts = f"{result.job_id} · {result.state.value} · pages: {document.pages:,}"
    lines = [f"<h1>{shown(_name(result))}</h1><p>{shown(facts)}</p>"]
    if document.unread_pages:
        lines.append(_warning(f"Pages that could not be read: {_numbers(document.unread_pages)}"))
    if result.needs_review:
        lines.append(
            _warning(f"A person should look at this result: {len(result.needs_review):,} findings")
        )
    return "".join(lines)


def _warning(text: str) -> str:
    return f'<p class="warning">{shown(text)}</p>'


def _numbers(pages: Sequence[int]) -> str:
    return ", ".join(map(str, pages))


def _pages(result: JobResult, text: PageText | None, values: Sequence[Value]) -> Iterator[str]:
    if text is None:
        yield f"<section>{_warning('The text of this document was deleted.')}</section>"
        return
    highlights = _by_page(values)
    lost = {page for task in result.tasks.values() for page in task.lost_pages}
    for page in text.pages:
        yield _page(page, highlights.get(page.number, []), is_lost=page.number in lost)


def _by_page(values: Sequence[Value]) -> Mapping[int, list[Highlight]]:
    found: dict[int, list[Highlight]] = {}
    for value in values:
        if value.highlight and value.evidence and value.evidence.page:
            found.setdefault(value.evidence.page, []).append(value.highlight)
    return found


def _page(page: Page, highlights: Sequence[Highlight], *, is_lost: bool) -> str:
    of_part = f" of {page.part}" if page.part else ""
    by_ocr = ", by OCR" if page.source is PageSource.OCR else ""
    parts = [f"<h2>{shown(f'Page {page.number}{of_part}{by_ocr}')}</h2>"]
    if page.source is PageSource.UNREAD:
        parts.append(_warning("This page shows something that could not be read."))
    if is_lost:
        parts.append(_warning("The answer about this page could not be used."))
    if page.words:
        parts.append(drawing(page, highlights))
    parts.append(f'<pre dir="auto">{marked(page.text, highlights)}</pre>')
    return f'<section id="page-{page.number}">{"".join(parts)}</section>'


def _tables(result: JobResult, values: Sequence[Value]) -> Iterator[str]:
    by_task = {name: list(some) for name, some in groupby(values, key=lambda one: one.task)}
    for name, task in result.tasks.items():
        yield f"<section>{_table(name, task, by_task.get(name, []))}</section>"


def _table(name: str, task: TaskResult, values: Sequence[Value]) -> str:
    parts = [f"<h2>{shown(f'{name} {task.version}')} · {task.status.value}</h2>"]
    if task.failure:
        parts.append(_warning(f"{task.failure.code}: {task.failure.message}"))
        if task.raw_output:
            parts.append(f'<pre dir="auto">{shown(task.raw_output)}</pre>')
        return "".join(parts)
    findings = [one for one in task.needs_review if one.startswith("document: ")]
    parts += [_warning(one.removeprefix("document: ").capitalize()) for one in findings]
    headings = "".join(f'<th scope="col">{one}</th>' for one in _HEADINGS)
    rows = "".join(map(value_row, values))
    parts.append(f"<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>")
    return "".join(parts)
