"""Type of a document, by its content and never by its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

PDF = "a PDF"
WORD, EXCEL, ZIP = "a Word document (DOCX)", "an Excel workbook (XLSX)", "a ZIP archive"
HTML, MAIL, OUTLOOK = "HTML", "a mail message", "an Outlook message (MSG)"
CSV, JSON = "a table of values (CSV)", "JSON"
JPEG, PNG, TIFF = "a JPEG image", "a PNG image", "a TIFF image"
ENCRYPTED_OFFICE = "an encrypted Office file"

_HEAD_BYTES = 1024
_MAIL_HEADER_BYTES = 65_536
_BLANK = b"\xef\xbb\xbf \t\r\n\f\0"
_SIGNATURES = (
    (JPEG, {0: b"\xff\xd8\xff"}),
    (PNG, {0: b"\x89PNG\r\n\x1a\n"}),
    ("a GIF image", {0: b"GIF8"}),
    (TIFF, {0: b"II*\0"}),
    (TIFF, {0: b"MM\0*"}),
    ("a BMP image", {0: b"BM", 6: b"\0\0\0\0"}),
    ("a WebP image", {0: b"RIFF", 8: b"WEBP"}),
    ("a WAV recording", {0: b"RIFF", 8: b"WAVE"}),
    ("a HEIC image", {4: b"ftyphei"}),
    ("a HEIC image", {4: b"ftypmif1"}),
    ("a video or audio recording", {4: b"ftyp"}),
    ("an MP3 recording", {0: b"ID3"}),
    ("an Ogg recording", {0: b"OggS"}),
    ("an RTF document", {0: b"{\\rtf"}),
    ("a PostScript document", {0: b"%!PS"}),
    ("a gzip archive", {0: b"\x1f\x8b\x08"}),
    ("a 7-Zip archive", {0: b"7z\xbc\xaf\x27\x1c"}),
    ("a RAR archive", {0: b"Rar!\x1a\x07"}),
    ("a program", {0: b"\x7fELF"}),
    ("a program", {0: b"MZ\x90\0"}),
)
"""What it is, and which bytes then stand at which offset."""
_MEMBERS = (
    (b"word/document.xml", WORD),
    (b"xl/workbook.xml", EXCEL),
    (b"xl/workbook.bin", "a binary Excel workbook (XLSB)"),
    (b"ppt/presentation.xml", "a PowerPoint presentation (PPTX)"),
)
"""Members of an archive that make it an Office file."""
_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument"
_MOST_MEMBERS = 10_000
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("__properties_version1.0", OUTLOOK),
)
"""Names of streams, which a compound file has in UTF-16."""
_TABLE_BYTES = 65_536
_TABLE_LINES = 3
"""Fewest lines of a table; what is shorter is read as it stands."""
_DELIMITERS = {b"\t": 1, b";": 1, b"|": 1, b",": 2}
"""And how many of them a line of a table has at least: commas stand in prose too."""
_QUOTED = re.compile(rb'"(?:[^"]|"")*"')
_REGULAR = 0.95
"""Share of a table's lines with as many delimiters as the first."""
_MAIL_FIELDS = (b"\nmime-version:", b"\nmessage-id:", b"\nreceived:")


def sniff(data: bytes) -> str | None:
    """Say what the bytes are, `PDF` among others; None if nothing marks them.

    Args:
        data: The whole document.
    """
    head = data[:_HEAD_BYTES]
    if head.lstrip(_BLANK).startswith(b"%PDF-"):
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(data)
    if head.startswith(_COMPOUND):
        return _compound_file(data)
    for name, marks in _SIGNATURES:
        if all(head.startswith(mark, offset) for offset, mark in marks.items()):
            return name
    return _text_kind(data, head)


def delimiter(data: bytes) -> str | None:
    """Return the character between the values of a table; None if the text is no table."""
    head = data[:_TABLE_BYTES]
    if len(data) > len(head):
        head = head[: head.rfind(b"\n") + 1]
    lines = [line for line in _QUOTED.sub(b"", head).splitlines() if line.strip()]
    if len(lines) < _TABLE_LINES:
        return None
    for mark, least in _DELIMITERS.items():
        wanted = lines[0].count(mark)
        regular = sum(line.count(mark) == wanted for line in lines)
        if wanted >= least and regular >= _REGULAR * len(lines):
            return mark.decode()
    return None


def _text_kind(data: bytes, head: bytes) -> str | None:
    start = head.lstrip(_BLANK).lower()
    if start.startswith(b"<") and re.search(rb"<(!doctype html|html|head|body)\b", start):
        return HTML
    # Printers and mail gateways put lines before the PDF.
    if b"%PDF-" in head and b"startxref" in data[-_HEAD_BYTES:]:
        return PDF
    header = data[:_MAIL_HEADER_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    fields = b"\n" + header.lstrip(_BLANK).lower()
    if b"\nfrom:" in fields and any(field in fields for field in _MAIL_FIELDS):
        return MAIL
    if start.startswith((b"{", b"[")) and data[-_HEAD_BYTES:].rstrip(_BLANK).endswith((b"}", b"]")):
        return JSON
    return CSV if delimiter(data) else None


def _archive(data: bytes) -> str:
    if _OPEN_DOCUMENT in data[:_HEAD_BYTES]:
        return "an OpenDocument file"
    names = set(islice(_member_names(data), _MOST_MEMBERS))
    return next((name for member, name in _MEMBERS if member in names), ZIP)


def _member_names(data: bytes) -> Iterator[bytes]:
    """Yield the names in an archive's table of contents, which stands at its end."""
    end = data.rfind(b"PK\x05\x06")
    place = int.from_bytes(data[end + 16 : end + 20], "little") if end >= 0 else len(data)
    while data.startswith(b"PK\x01\x02", place):
        lengths = data[place + 28 : place + 34]
        name, extra, comment = (int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2, 4))
        yield data[place + 46 : place + 46 + name]
        place += 46 + name + extra + comment


def _compound_file(data: bytes) -> str:
    for stream, name in _STREAMS:
        if stream.encode("utf-16-le") in data:
            return name
    return "an Office file of before 2007"
