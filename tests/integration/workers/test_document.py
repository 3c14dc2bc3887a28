"""Type of a document by its content, and the page text of plain text."""

from __future__ import annotations

import hashlib
import io
import random
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from schemas.document import PageText
from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from settings.sections.sandbox import SandboxLayer
from workers import prepare
from workers.errors import StageError
from workers.prepare.content import (
    CSV,
    EXCEL,
    HTML,
    JPEG,
    JSON,
    MAIL,
    PDF,
    PNG,
    TIFF,
    WORD,
    ZIP,
    sniff,
)
from workers.prepare.document import read_document
from workers.prepare.formats.plain_text import decode_text
from workers.prepare.lockdown.confinement import LAYERS
from workers.prepare.sandbox import Sandbox

LIMITS = LimitSettings()
LETTER = "Claim 4711\nInsured: Zoë Müller, 50 % at fault\n"


async def refusal(data: bytes, sandbox: Sandbox, limits: LimitSettings = LIMITS) -> StageError:
    """The error that reading the bytes ends with."""
    with pytest.raises(StageError) as caught:
        await read_document(data, limits, sandbox)
    return caught.value


def image(kind: str) -> bytes:
    """A small picture in a format that Pillow writes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, kind)
    return file.getvalue()


def archive(*members: str) -> bytes:
    """A ZIP archive with members of those names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for member in members:
            zipped.writestr(member, "<xml/>" * 100)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(image("GIF"), "a GIF image", id="gif"),
        pytest.param(image("BMP"), "a BMP image", id="bmp"),
        pytest.param(image("WEBP"), "a WebP image", id="webp"),
        pytest.param(archive("ppt/presentation.xml"), "PPTX", id="pptx"),
        pytest.param(archive("xl/workbook.bin"), "XLSB", id="xlsb"),
        pytest.param(rb"{\rtf1\ansi Claim 4711}", "RTF", id="rtf"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "before 2007", id="doc"),
        pytest.param(random.Random(4711).randbytes(4096), "binary data", id="noise"),  # noqa: S311  # no secret
        pytest.param("Schaden 4711".encode("utf-16-le"), "binary data", id="utf-16-unmarked"),
        pytest.param("Страховой случай".encode("cp1251"), "binary data", id="cyrillic"),
    ],
)
async def test_what_is_not_read_is_named_and_refused(
    data: bytes, what: str, sandbox: Sandbox
) -> None:
    """The refusal says what the content is."""
    error = await refusal(data, sandbox)
    assert error.failure.code is FailureCode.DOCUMENT_UNSUPPORTED
    assert what in error.failure.message
    assert "docfleet reads PDF, Word (DOCX), " in error.failure.message
    assert error.failure.message.endswith(" and plain text.")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (image("JPEG"), JPEG),
        (image("PNG"), PNG),
        (image("TIFF"), TIFF),
        (archive("a.txt"), ZIP),
        (archive(), ZIP),
        (archive("[Content_Types].xml", "word/document.xml"), WORD),
        (archive("[Content_Types].xml", "xl/workbook.xml"), EXCEL),
        (archive("a copy of word/document.xml.txt"), ZIP),
        (b"<!DOCTYPE html><p>Claim 4711</p>", HTML),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<HTML>", HTML),
        (b"<?xml version='1.0'?>\n<claim>4711</claim>", None),
        (b"From: a@b.example\r\nMIME-Version: 1.0\r\n\r\nSGk=", MAIL),
        (b"Received: by mx\n\tfor us\nFrom: a@b.example\n\nHi", MAIL),
        (b"From: Anna\nTo: Bo\nSubject: Claim 4711\n\nDear Bo,", None),
        (b"claim;paid\n1;2,5\n3;4,5\n", CSV),
        (b'a,"b, and ""c""",d\n1,"2\n2",3\n4,5,6\n', CSV),
        (b"Dear Anna, dear Bo, dear Cy,\nhail came, we wait.\nBye, all, now, A.", None),
        (b'  [{"role": "user"}]\n', JSON),
        (b'{"a": 1}\n{"a": 2}\n', JSON),
        (b"{ a brace and no more", None),
    ],
)
def test_a_document_is_known_by_its_content(data: bytes, kind: str | None) -> None:
    """The mark may be a signature, a header, or the regularity of its lines."""
    assert sniff(data) == kind


@pytest.mark.parametrize(
    "text",
    ["BMW 320d, total loss", "MZ and II* are initials", "a < b <html>", "I found %PDF-1.7 in it"],
)
async def test_text_that_resembles_another_kind_stays_text(text: str, sandbox: Sandbox) -> None:
    """A signature's first letters alone do not make another kind of a text."""
    assert (await read_document(text.encode(), LIMITS, sandbox)).text == text


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n \0", b"\x1b%-12345X@PJL JOB\r\n"])
def test_a_pdf_is_known_behind_what_printers_and_gateways_put_before_it(before: bytes) -> None:
    """The header may stand anywhere in the first kilobyte."""
    assert sniff(before + b"%PDF-1.7\n...startxref\n9\n%%EOF\n") == PDF


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(LETTER.encode(), id="utf-8"),
        pytest.param(LETTER.encode("utf-8-sig"), id="utf-8-marked"),
        pytest.param(LETTER.encode("utf-16"), id="utf-16-le"),
        pytest.param(b"\xfe\xff" + LETTER.encode("utf-16-be"), id="utf-16-be"),
        pytest.param(LETTER.encode("latin-1"), id="latin-1"),
        pytest.param(LETTER.replace("\n", "\r\n").encode("cp1252"), id="windows"),
    ],
)
async def test_plain_text_is_read_in_each_common_encoding(data: bytes, sandbox: Sandbox) -> None:
    """One text in six encodings is one text; sha256 and size are those of the bytes."""
    read = await read_document(data, LIMITS, sandbox)
    assert read.text == LETTER
    assert (read.media_type, read.size) == ("text/plain", len(data))
    assert read.sha256 == hashlib.sha256(data).hexdigest()


def test_windows_quotes_are_decoded_and_what_it_leaves_undefined_is_latin_1() -> None:
    """0x93 is a quote in Windows-1252; with 0x81, which it lacks, the bytes are Latin-1."""
    assert decode_text(b"so-called \x93total loss\x94") == "so-called “total loss”"
    assert decode_text(b"\x81 caf\xe9 in the lobby") == "\x81 café in the lobby"


@pytest.mark.parametrize("data", [b"\xff\xfeC\0l\0a", b"\xef\xbb\xbfcaf\xe9", b"\xfe\xff\xd8\x00"])
async def test_bytes_that_break_their_byte_order_mark_are_corrupt(
    data: bytes, sandbox: Sandbox
) -> None:
    """Text that is marked as Unicode and is not has been damaged."""
    error = await refusal(data, sandbox)
    assert error.failure.code is FailureCode.DOCUMENT_CORRUPT
    assert "marked as UTF-" in error.failure.message


async def test_each_page_stands_in_the_text_where_its_offset_says(sandbox: Sandbox) -> None:
    """Form feeds separate pages, one at the end begins no page, an empty page is kept."""
    read = await read_document("Zoë\f\fthird page\n\f".encode(), LIMITS, sandbox)
    assert [page.text for page in read.pages] == ["Zoë", "", "third page\n"]
    assert [page.number for page in read.pages] == [1, 2, 3]
    for page in read.pages:
        assert read.text[page.start : page.start + len(page.text)] == page.text
    assert PageText.model_validate_json(read.model_dump_json()) == read


async def test_a_document_without_bytes_is_empty(sandbox: Sandbox) -> None:
    """Zero bytes have a code of their own."""
    assert (await refusal(b"", sandbox)).failure.code is FailureCode.DOCUMENT_EMPTY


@pytest.mark.parametrize("data", [b" \r\n\t\n", b"\f\f\f", b"\xef\xbb\xbf"])
async def test_a_document_of_blanks_has_no_text(data: bytes, sandbox: Sandbox) -> None:
    """Blanks and form feeds are no text."""
    assert (await refusal(data, sandbox)).failure.code is FailureCode.DOCUMENT_NO_TEXT


async def test_a_document_over_a_limit_is_too_large_and_at_the_limit_it_is_not(
    sandbox: Sandbox,
) -> None:
    """The message gives the number and the limit."""
    limits = LimitSettings(document_bytes=2000, pages=3)
    assert len((await read_document(b"a\fb\fc", limits, sandbox)).pages) == 3
    assert (await read_document(b"a" * 2000, limits, sandbox)).size == 2000
    for data, facts in ((b"a\fb\fc\fd", "4 pages; the limit is 3"), (b"a" * 2001, "2,001 bytes")):
        error = await refusal(data, sandbox, limits)
        assert error.failure.code is FailureCode.DOCUMENT_TOO_LARGE
        assert facts in error.failure.message


def test_each_code_that_a_reader_names_is_one_of_the_contract() -> None:
    """Readers write codes as plain words, because they do without the contract."""
    folder = Path(prepare.__file__).parent
    sources = [folder / "sandbox_child.py", *folder.glob("formats/**/*.py"), folder / "walk.py"]
    named = set(
        re.findall(r'"((?:document|worker)\.[a-z_]+)"', "".join(map(Path.read_text, sources)))
    )
    assert {"document.corrupt", "document.exhausting", "worker.error"} < named
    assert named <= set(FailureCode)


def test_a_layers_name_in_the_settings_is_that_of_the_sandbox() -> None:
    """The zygote does without the settings."""
    assert sorted(LAYERS) == sorted(SandboxLayer)
