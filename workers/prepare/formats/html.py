"""HTML: what a browser would show, tables row by row."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress

from selectolax.lexbor import LexborHTMLParser, LexborNode

from workers.prepare.content import HTML
from workers.prepare.formats.format import Format, Page, UnsupportedContentError
from workers.prepare.formats.paging import cut_into_pages, row_text
from workers.prepare.formats.plain_text import load, text_of

_SILENT = frozenset({"script", "style", "head", "template", "noscript", "svg", "object", "iframe"})
# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd",
    "div", "dl", "dt", "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hr", "legend", "li", "main", "nav", "ol", "p", "pre", "section",
    "table", "tbody", "tfoot", "thead", "title", "tr", "ul", "option", "textarea",
))
# fmt: on
_CELLS = frozenset({"td", "th"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_WITHOUT_VALUE = frozenset({"hidden", "password", "submit", "button", "image", "reset", "file"})
_CHECKS = frozenset({"checkbox", "radio"})
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([a-zA-Z0-9_:-]{1,40})""")
_HEAD_BYTES = 2048
_CELL_END = "\x1f"
"""Stands between cells until a row is complete; decoded text never has it."""
_NO_TEXT = "binary data that begins as HTML does"


def read(data: bytes, _max_pages: int) -> Iterator[Page]:
    """Read the text, in pages of a few thousand characters.

    Raises:
        UnsupportedContentError: The bytes do not look like text.
        UnreadableError: document.corrupt.
    """
    return map(Page, cut_into_pages(shown_lines(_decoded(data))))


def shown_lines(html: str) -> Iterator[str]:
    """Yield the lines of text that HTML shows.

    Args:
        html: A whole document or a part of one.
    """
    root = LexborHTMLParser(html).root
    text = "".join(_pieces(root)) if root is not None else ""
    for line in text.split("\n"):
        cells = line.split(_CELL_END)
        shown = row_text(cells) if len(cells) > 1 else " ".join(line.split())
        if shown:
            yield shown


def _pieces(root: LexborNode) -> Iterator[str]:
    """Yield the text and the line ends of a tree, without recursion: trees can be deep."""
    node: LexborNode | None = root
    flat = 0  # Cells around this node that are written in one line.
    while node is not None:
        shows = not node.is_element_node or not _is_hidden(node)
        if shows:
            flat += _is_flat_cell(node)
            yield _before(node, flat)
            if node.first_child is not None:
                node = node.first_child
                continue
        while node is not None:
            if shows:
                yield _behind(node, flat)
                flat -= _is_flat_cell(node)
            shows = True
            if node is root:
                return
            if node.next is not None:
                node = node.next
                break
            node = node.parent


def _before(node: LexborNode, flat: int) -> str:
    if node.is_text_node:
        text = (node.text_content or "").replace(_CELL_END, " ")
        return " ".join(f"-{text}-".split())[1:-1].replace("\n", " ") if text.strip() else " "
    tag = node.tag
    if tag == "input":
        return _input(node.attributes)
    if tag == "img":
        return f" {node.attributes.get('alt') or ''} "
    return _line_end(tag, flat)


def _behind(node: LexborNode, flat: int) -> str:
    if node.tag in _CELLS:
        return _CELL_END if flat else "\n"
    return _line_end(node.tag, flat)


def _line_end(tag: str | None, flat: int) -> str:
    if tag not in _BLOCKS:
        return ""
    return " " if flat and tag != "tr" else "\n"


def _is_flat_cell(node: LexborNode) -> int:
    """Tell whether it is a cell of a table, and not a frame around other tables."""
    return int(node.tag in _CELLS and node.css_first("table") is None)


def _is_hidden(node: LexborNode) -> bool:
    if node.tag in _SILENT:
        return True
    values = node.attributes
    return "hidden" in values or bool(_HIDDEN.search(values.get("style") or ""))


def _input(values: dict[str, str | None]) -> str:
    kind = (values.get("type") or "text").lower()
    if kind in _CHECKS:
        return " ☒ " if "checked" in values else " ☐ "
    return "" if kind in _WITHOUT_VALUE else f" {values.get('value') or ''} "


def _decoded(data: bytes) -> str:
    named = _CHARSET.search(data[:_HEAD_BYTES])
    if named and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = named[1].decode("ascii").lower()
        if b"\0" in data:
            raise UnsupportedContentError(_NO_TEXT)
        with suppress(LookupError, UnicodeDecodeError):  # pages name a charset they do not have
            return data.decode(name)
    return text_of(data, otherwise=_NO_TEXT)


def load_html() -> None:
    """Load what reading takes."""
    load()
    list(shown_lines("<table><tr><td>a<td>b</table><input value=c>"))


FORMAT = Format(name="HTML", content=HTML, media_type="text/html", load=load_html, read=read)
