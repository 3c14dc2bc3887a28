"""Mail messages (EML): header, body and attachments."""

from __future__ import annotations

import codecs
import email
import email.policy
from collections.abc import Iterator
from email.errors import MessageError
from email.message import EmailMessage, Message
from encodings.aliases import aliases
from functools import partial
from typing import Any

from workers.prepare.content import MAIL
from workers.prepare.formats.format import Attachment, Format, Page, UnreadableError
from workers.prepare.formats.html import load_html
from workers.prepare.formats.mail.message import mail_pages
from workers.prepare.formats.plain_text import decode_text

_HEADER = ("From", "To", "Cc", "Date", "Subject")
_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature",
                         "application/pgp-signature"})  # fmt: skip
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime",
                        "application/pgp-encrypted"})  # fmt: skip
_NO_MAIL = (ValueError, LookupError, AttributeError, TypeError, MessageError)
"""What the standard library raises where a mail breaks its rules."""


def read(data: bytes, _max_pages: int) -> Iterator[Page | Attachment]:
    """Read the message; a message in it is an attachment, too.

    Raises:
        UnreadableError: document.corrupt, document.encrypted.
    """
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        leaves = list(_leaves(message))
    except RecursionError as error:
        raise UnreadableError(
            "document.corrupt", "The mail's parts are nested too deeply to be a mail."
        ) from error
    bodies: dict[str, list[str]] = {"plain": [], "html": []}
    attached: list[tuple[int, Message]] = []
    for number, part in enumerate(leaves, start=1):
        kind = part.get_content_type()
        if kind in _ENCRYPTED:
            raise UnreadableError("document.encrypted", "The mail is encrypted.")
        if kind in {"text/plain", "text/html"} and not _is_attached(part):
            bodies[part.get_content_subtype()].append(_text(part))
        elif kind not in _SIGNATURES:
            attached.append((number, part))
    yield from mail_pages(_header(message), "\n".join(bodies["plain"]), "\n".join(bodies["html"]))
    for number, part in attached:
        yield Attachment(_name(part) or f"part {number}", partial(_content, part))


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the parts that have no parts; an attached message is one."""
    parts = [message]
    while parts:
        part = parts.pop()
        payload: Any = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            parts.extend(reversed(payload))
        else:
            yield part


def _header(message: Message) -> dict[str, str]:
    return {name: _field(message, name) for name in _HEADER}


def _field(message: Message, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except _NO_MAIL:
        # The parsed form fails for some broken addresses; what is written there does not.
        raw = (value for key, value in message.raw_items() if key.lower() == name.lower())
        return str(next(raw, ""))


def _is_attached(part: Message) -> bool:
    try:
        return part.get_content_disposition() == "attachment"
    except _NO_MAIL:
        return False


def _name(part: Message) -> str:
    try:
        named = part.get_filename()
    except _NO_MAIL:
        named = None
    if named:
        return str(named)
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    return _field(inner, "Subject") if isinstance(inner, Message) else ""


def _text(part: Message) -> str:
    data = _content(part)
    charset = part.get_content_charset("utf-8")
    try:
        return data.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return decode_text(data) or data.decode("utf-8", "replace")


def _content(part: Message) -> bytes:
    payload = part.get_payload()
    if isinstance(payload, list):  # an attached message
        return b"\n".join(inner.as_bytes() for inner in payload if isinstance(inner, Message))
    try:
        data = part.get_payload(decode=True)
    except _NO_MAIL as error:
        raise UnreadableError("document.corrupt", "Its encoding is damaged.") from error
    return data if isinstance(data, bytes) else b""


def load_mail() -> None:
    """Load all character sets, and what the standard library imports as it meets messages."""
    load_html()
    for encoding in set(aliases.values()):
        try:
            codecs.lookup(encoding)
        except LookupError:
            continue  # of other systems
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "c@d.example", "Zoë"
    message["Date"], message["Cc"] = "Mon, 3 Feb 2025 10:00:00 +0000", "e@f.example"
    message.set_content("Zoë")
    message.add_alternative("<p>Zoë</p>", subtype="html")
    message.add_attachment(b"a", maintype="application", subtype="pdf", filename="Zoë.pdf")
    message.add_attachment(EmailMessage())
    for found in read(message.as_bytes(), 1):
        if isinstance(found, Attachment):
            found.data()


FORMAT = Format(
    name="mail (EML)", content=MAIL, media_type="message/rfc822", load=load_mail, read=read
)
