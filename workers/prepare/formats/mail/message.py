"""A mail's text: its header as people see it, and its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workers.prepare.formats.format import Page
from workers.prepare.formats.html import shown_lines
from workers.prepare.formats.paging import cut_into_pages

_RICHER = 2
"""Times as much text as the plain body that an HTML body must have to be read instead."""


def mail_pages(header: Mapping[str, str], plain: str, html: str) -> Iterator[Page]:
    """Yield the pages of a mail without its attachments.

    Args:
        header: What the mail says of itself, such as its subject; what is empty is left out.
        plain: The body as plain text, if any.
        html: The body as HTML, if any.
    """
    known = {name: " ".join(value.split()) for name, value in header.items()}
    lines = [f"{name}: {value}" for name, value in known.items() if value]
    yield from map(Page, cut_into_pages([*lines, *_body(plain, html)]))


def _body(plain: str, html: str) -> list[str]:
    """Return the lines of the body: programs write little into one of the two at times."""
    shown = list(shown_lines(html)) if html.strip() else []
    if sum(map(len, shown)) > _RICHER * len(plain.strip()):
        return shown
    # A form feed would look like the end of a page.
    return plain.replace("\f", "\n").replace("\r\n", "\n").strip("\n").split("\n")
