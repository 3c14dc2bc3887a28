"""Type of a document, by its content and never by its name. Pure."""

from __future__ import annotations

PDF = "a PDF"

_HEAD_BYTES = 1024
_MAIL_HEADER_BYTES = 65_536
_BLANK = b"\xef\xbb\xbf \t\r\n\f\0"
_SIGNATURES = (
    ("a JPEG image", {0: b"\xff\xd8\xff"}),
    ("a PNG image", {0: b"\x89PNG\r\n\x1a\n"}),
    ("a GIF image", {0: b"GIF8"}),
    ("a TIFF image", {0: b"II*\0"}),
    ("a TIFF image", {0: b"MM\0*"}),
    ("a BMP image", {0: b"BM", 6: b"\0\0\0\0"}),
    ("a WebP image", {0: b"RIFF", 8: b"WEBP"}),
    ("a WAV recording", {0: b"RIFF", 8: b"WAVE"}),
    ("a HEIC image", {4: b"ftyphei"}),
    ("a HEIC image", {4: b"ftypmif1"}),
    ("a video or audio recording", {4: b"ftyp"}),
    ("an MP3 recording", {0: b"ID3"}),
    ("an Ogg recording", {0: b"OggS"}),
    ("an Office file of before 2007 or an Outlook message", {0: b"\xd0\xcf\x11\xe0\xa1\xb1"}),
    ("an RTF document", {0: b"{\\rtf"}),
    ("a PostScript document", {0: b"%!PS"}),
    ("a gzip archive", {0: b"\x1f\x8b\x08"}),
    ("a 7-Zip archive", {0: b"7z\xbc\xaf\x27\x1c"}),
    ("a RAR archive", {0: b"Rar!\x1a\x07"}),
    ("a program", {0: b"\x7fELF"}),
    ("a program", {0: b"MZ\x90\0"}),
)
"""What it is, and which bytes then stand at which offset."""
_ZIP_MEMBERS = (
    (b"word/document.xml", "a Word document (DOCX)"),
    (b"xl/workbook", "an Excel workbook (XLSX)"),
    (b"ppt/presentation.xml", "a PowerPoint presentation (PPTX)"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file"),
)


def sniff(data: bytes) -> str | None:
    """Say what the bytes are, `PDF` among others; None if nothing marks them.

    Args:
        data: The whole document.
    """
    head = data[:_HEAD_BYTES]
    if head.lstrip(_BLANK).startswith(b"%PDF-"):
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        members = (name for mark, name in _ZIP_MEMBERS if mark in data)
        return next(members, "a ZIP archive")
    for name, marks in _SIGNATURES:
        if all(head.startswith(mark, offset) for offset, mark in marks.items()):
            return name
    start = head.lstrip(_BLANK).lower()
    if start.startswith(b"<") and (b"<!doctype html" in start or b"<html" in start):
        return "HTML"
    # Printers and mail gateways put lines before the PDF.
    if b"%PDF-" in head and b"startxref" in data[-_HEAD_BYTES:]:
        return PDF
    header = data[:_MAIL_HEADER_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return "a mail message" if b"\nmime-version:" in header.lower() else None
