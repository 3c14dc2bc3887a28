"""Outlook messages (MSG): header, body and attachments, out of a compound file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial

import olefile

from workers.prepare.content import OUTLOOK
from workers.prepare.formats.eml import load_mail
from workers.prepare.formats.format import Attachment, Format, Page, UnreadableError
from workers.prepare.formats.mail.message import mail_pages
from workers.prepare.formats.mail.properties import Properties, PropertyReader

_DEPTH = 5
"""Messages inside one another that are read."""
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC, _SUBJECT = 0x0E04, 0x0E03, 0x0037
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_SENT, _RECEIVED = 0x0039, 0x0E06
_DATA, _LONG_NAME, _SHORT_NAME, _TITLE = 0x3701, 0x3707, 0x3704, 0x3001
_CLASS = 0x001A
_DAMAGED = (OSError, ValueError, IndexError, TypeError, AttributeError, KeyError, RecursionError)
"""What olefile raises where a file breaks its rules."""


def read(data: bytes, _max_pages: int) -> Iterator[Page | Attachment]:
    """Read the message; a message in it stands where it is attached.

    Raises:
        UnreadableError: document.corrupt, document.encrypted.
    """
    try:
        file = olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT)
        reader = PropertyReader(file)
    except _DAMAGED as error:
        raise UnreadableError(
            "document.corrupt",
            f"The file begins as an Outlook message, but its {len(data):,} bytes are none.",
        ) from error
    yield from _message(reader, (), _DEPTH)


def _message(
    reader: PropertyReader, folder: tuple[str, ...], depth: int
) -> Iterator[Page | Attachment]:
    try:
        found = reader.properties(folder)
        if "smime" in found.text(_CLASS).lower() and "multipart" not in found.text(_CLASS).lower():
            raise UnreadableError("document.encrypted", "The mail is encrypted.")
        plain, html = found.text(_BODY), found.text(_HTML)
        header = _header(found)
        attached = reader.attachments(folder)
    except _DAMAGED as error:
        raise UnreadableError("document.corrupt", "The Outlook message is damaged.") from error
    yield from mail_pages(header, plain, html)
    if not plain.strip() and not html.strip() and found.has(_RTF):
        yield Attachment("body", _rich_text)
    for number, place in enumerate(attached, start=1):
        yield from _attachment(reader, place, number, depth)


def _header(found: Properties) -> dict[str, str]:
    address = found.text(_SENDER_SMTP) or found.text(_SENDER_ADDRESS)
    return {
        "From": f"{found.text(_SENDER)} <{address}>" if "@" in address else found.text(_SENDER),
        "To": found.text(_TO),
        "Cc": found.text(_CC),
        "Date": found.time(_SENT) or found.time(_RECEIVED),
        "Subject": found.text(_SUBJECT),
    }


def _attachment(
    reader: PropertyReader, place: tuple[str, ...], number: int, depth: int
) -> Iterator[Page | Attachment]:
    found = reader.properties(place)
    names = (found.text(name) for name in (_LONG_NAME, _SHORT_NAME, _TITLE))
    name = next(filter(None, names), f"part {number}")
    inner = reader.embedded(place)
    if inner is None or not depth:
        yield Attachment(name, partial(_content, found))
        return
    for part in _message(reader, inner, depth - 1):
        if isinstance(part, Attachment):
            yield Attachment(f"{name}/{part.name}", part.data)
        else:
            yield Page(part.text, part.source, f"{name}/{part.part}" if part.part else name)


def _content(found: Properties) -> bytes:
    try:
        return found.content(_DATA)
    except _DAMAGED as error:
        raise UnreadableError("document.corrupt", "The attachment is damaged.") from error


def _rich_text() -> bytes:
    raise UnreadableError(
        "document.unsupported", "The mail has its text as RTF alone; save it as HTML or plain text."
    )


FORMAT = Format(
    name="Outlook (MSG)",
    content=OUTLOOK,
    media_type="application/vnd.ms-outlook",
    load=load_mail,
    read=read,
)
