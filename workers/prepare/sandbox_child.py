"""What a document is by its content, and the process that reads one and ends.

The process confines itself before it takes in a byte of the document. It answers on its standard
output: a line with `pages` and then each page with a form feed between, or a line with the failure
code and then a sentence. Only small modules of the standard library may be imported here:
each millisecond of loading is paid for every document.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

from workers.prepare.formats.pdf import UnreadableError, read_pages

PDF = "a PDF"
PAGES = "pages"

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

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIGKILL = 9  # The signal module takes longer to load than all of this.
_OPEN_FILES = 32


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


def main() -> None:
    """Read the document on standard input, answer on standard output, end.

    Arguments, as `sandbox.py` passes them: a folder (not used here), the parent's process id,
    bytes of memory, seconds of CPU, pages, bytes of text, the path of PDFium's library.
    """
    parent, memory, cpu, pages, text = map(int, sys.argv[2:7])
    _die_with(parent)
    _confine(memory=memory, cpu_seconds=cpu)
    sys.stdout.buffer.write(_answer(sys.argv[7], pages=pages, text=text, memory=memory))
    sys.stdout.buffer.flush()
    os._exit(0)  # What is left to free, the kernel frees faster.


def _answer(library: str, *, pages: int, text: int, memory: int) -> bytes:
    try:
        found = read_pages(sys.stdin.buffer.read(), library, max_pages=pages, max_bytes=text)
        return "\f".join((f"{PAGES}\n{found[0]}", *found[1:])).encode()
    except UnreadableError as error:
        return f"{error.code}\n{error}".encode()
    except MemoryError:
        sentence = f"Reading the document took more than the {memory:,} bytes of memory allowed."
        return f"document.exhausting\n{sentence}".encode()


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the one that started it is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # It was gone before the kernel was told.
        os._exit(1)


def _confine(*, memory: int, cpu_seconds: int) -> None:
    _limit(resource.RLIMIT_AS, memory, memory)
    # At the soft limit SIGXCPU names the cause; at the hard one SIGKILL would not.
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES)
    for none_of_it in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        _limit(none_of_it, 0, 0)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Lower a limit; what is lower already stays."""
    highest = resource.getrlimit(kind)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(kind, (soft, hard))
