"""Page text of PDFs, honest and broken, as the sandbox reads it."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from pathlib import Path

import pytest

from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from tests.fixtures.documents.pdfs import (
    HELLO,
    LIMITS,
    SMALL,
    assembled,
    locked,
    one_page,
    printed,
    refusal,
    stream,
)
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox

ROOT = Path(__file__).parents[3]


async def test_a_pdf_is_read_page_by_page(sandbox: Sandbox) -> None:
    """Numbers, offsets and line ends are as the contract says."""
    data = printed("Claim 4711\nZoë Müller", "", "third")
    read = await read_document(data, LIMITS, sandbox)
    assert [page.text for page in read.pages] == ["Claim 4711\nZoë Müller", "", "third"]
    assert [(page.number, page.start) for page in read.pages] == [(1, 0), (2, 22), (3, 23)]
    assert read.media_type == "application/pdf"
    assert (read.size, read.sha256) == (len(data), hashlib.sha256(data).hexdigest())


async def test_what_is_filled_into_a_form_is_read(sandbox: Sandbox) -> None:
    """The value of a field is text of its page; a hidden field's is not."""
    drawn = stream(
        b"BT /F 12 Tf 2 2 Td (Zoe Mueller) Tj ET",
        b"/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F 5 0 R>>>>",
    )
    for flags, text in ((4, "Claim 4711\nZoe Mueller"), (2, "Claim 4711")):
        field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/Rect[72 600 272 620]/F %d" % flags
        form = one_page(
            stream(HELLO),
            drawn,
            field + b"/AP<</N 6 0 R>>>>",
            catalog=b"/AcroForm<</Fields[7 0 R]>>",
            page=b"/MediaBox[0 0 612 792]/Annots[7 0 R]",
        )
        assert (await read_document(form, LIMITS, sandbox)).text == text


async def test_a_form_that_a_program_draws_is_refused(sandbox: Sandbox) -> None:
    """The pages of such a form hold a request to open it elsewhere, and nothing else."""
    form = one_page(catalog=b"/NeedsRendering true/AcroForm<</Fields[]/XFA[(template) 4 0 R]>>")
    assert (await refusal(form, sandbox)).failure.code is FailureCode.DOCUMENT_UNSUPPORTED


async def test_a_form_feed_inside_a_page_does_not_end_it(sandbox: Sandbox) -> None:
    """A character that the PDF maps to a form feed arrives as a line end."""
    to_unicode = stream(
        b"begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
        b"2 beginbfchar <41> <0041> <42> <000C> endbfchar endcmap"
    )
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    page = b"/MediaBox[0 0 612 792]/Resources<</Font<</F 7 0 R>>>>"
    shown = stream(b"BT /F 12 Tf 72 700 Td (ABA) Tj ET")
    objects = one_page(shown, to_unicode, font, page=page).replace(
        b"/Resources<</Font<</F 5 0 R>>>>/MediaBox", b"/MediaBox"
    )
    assert [page.text for page in (await read_document(objects, LIMITS, sandbox)).pages] == ["A\nA"]


async def test_a_hyphen_at_the_end_of_a_line_stays_a_hyphen(sandbox: Sandbox) -> None:
    """PDFium joins the word's halves and marks the place with a character that is none."""
    shown = stream(b"BT /F 12 Tf 14 TL 72 700 Td (insur-) Tj T* (ance) Tj ET")
    assert (await read_document(one_page(shown), LIMITS, sandbox)).text == "insur-ance"


async def test_every_value_of_a_real_loss_run_is_in_its_text(sandbox: Sandbox) -> None:
    """43 pages from an insurer's system, checked against what people found in them."""
    name = "eval/longlistbench/ground_truth/loss_run_external_001.json"
    found = [folder / name for folder in (ROOT / "shared", ROOT.parent / "shared")]
    truth = next((path for path in found if path.is_file()), None)
    if truth is None:
        pytest.skip(f"the evaluation documents are not there: {found[0]} or {found[1]}")
    rows = json.loads(truth.read_text(encoding="utf-8"))
    values = {value for row in rows for value in row.values() if isinstance(value, str)}
    document = truth.parents[1] / "pdfs" / f"{truth.stem}.pdf"
    text = (await read_document(document.read_bytes(), LIMITS, sandbox)).text
    assert len(values) > 100
    assert {value for value in values if value not in text} == set()


async def test_a_pdf_that_needs_a_password_is_encrypted_and_one_for_its_owner_opens(
    sandbox: Sandbox,
) -> None:
    """A password that only forbids changes keeps nobody from reading."""
    letter = printed("Claim 4711")
    error = await refusal(locked(letter, user="secret", owner="owner"), sandbox)
    assert error.failure.code is FailureCode.DOCUMENT_ENCRYPTED
    assert (
        await read_document(locked(letter, user="", owner="owner"), LIMITS, sandbox)
    ).text == "Claim 4711"


async def test_noise_under_a_pdf_header_is_corrupt(sandbox: Sandbox) -> None:
    """The header alone makes no PDF."""
    for noise in (b"", os.urandom(50_000), b"startxref\n7\n%%EOF\n"):
        error = await refusal(b"%PDF-1.7\n" + noise, sandbox)
        assert error.failure.code is FailureCode.DOCUMENT_CORRUPT


async def test_a_truncated_pdf_is_corrupt_wherever_it_was_cut(sandbox: Sandbox) -> None:
    """No part of a document passes for the whole of it."""
    whole = printed(*(f"Page {number} of 5" for number in range(1, 6)))
    for twelfth in range(1, 12):
        error = await refusal(whole[: len(whole) * twelfth // 12], sandbox)
        assert error.failure.code is FailureCode.DOCUMENT_CORRUPT


async def test_a_truncated_pdf_with_its_trailer_in_front_is_corrupt(sandbox: Sandbox) -> None:
    """Files made for the web begin with what others end with, and so open when cut."""
    whole = one_page()
    head, trailer = whole[:9], b"trailer\n<</Root 1 0 R/Size 6>>\n"
    objects = whole[9 : whole.index(b"xref\n0")]
    assert (
        await read_document(head + trailer + objects + b"%%EOF\n", LIMITS, sandbox)
    ).text == "Claim 4711"
    error = await refusal(head + trailer + objects, sandbox)
    assert error.failure.code is FailureCode.DOCUMENT_CORRUPT
    assert "cut off" in error.failure.message


async def test_a_pdf_with_no_pages_is_corrupt_and_one_with_no_text_is_a_scan(
    sandbox: Sandbox,
) -> None:
    """A page without text has a code of its own, which advises OCR."""
    bare = assembled(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>")
    assert (await refusal(bare, sandbox)).failure.code is FailureCode.DOCUMENT_CORRUPT
    error = await refusal(printed("", " "), sandbox)
    assert error.failure.code is FailureCode.DOCUMENT_NO_TEXT
    assert "2" in error.failure.message


async def test_a_form_whose_program_left_the_drawing_to_others_is_read(sandbox: Sandbox) -> None:
    """The value of a field without an appearance follows the page's text, unless it is hidden."""
    for flags, text in ((4, "Claim 4711\nZoë Müller"), (2, "Claim 4711")):
        field = (
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Zo\xeb M\xfcller)/Rect[72 600 272 620]"
            b"/F %d>>" % flags
        )
        form = one_page(
            stream(HELLO),
            field,
            catalog=b"/AcroForm<</Fields[6 0 R]/NeedAppearances true>>",
            page=b"/MediaBox[0 0 612 792]/Annots[6 0 R]",
        )
        assert (await read_document(form, LIMITS, sandbox)).text == text


@pytest.mark.parametrize("box", ["0 0 200000 200000", "0 0 0 0", "0 0 1e39 -1e39", "(a) null"])
async def test_an_absurd_page_size_costs_nothing(box: str, sandbox: Sandbox) -> None:
    """No page is drawn, so its size does not matter."""
    page = f"/MediaBox[{box}]".encode()
    assert (await read_document(one_page(page=page), SMALL, sandbox)).text == "Claim 4711"


async def test_pages_over_the_limit_are_counted_in_the_refusal(sandbox: Sandbox) -> None:
    """Three pages pass a limit of three and not one of two."""
    data = printed("one", "two", "three")
    assert len((await read_document(data, LimitSettings(pages=3), sandbox)).pages) == 3
    error = await refusal(data, sandbox, LimitSettings(pages=2))
    assert error.failure.code is FailureCode.DOCUMENT_TOO_LARGE
    assert "3 pages; the limit is 2" in error.failure.message


async def test_text_over_the_limit_of_bytes_is_too_large(sandbox: Sandbox) -> None:
    """A small PDF with much text counts as much text."""
    deflated = zlib.compress(b"BT /F 12 Tf 14 TL 72 700 Td " + b"(Claim 4711, again) Tj T* " * 5000)
    data = one_page(stream(deflated, b"/Filter/FlateDecode"))
    error = await refusal(data, sandbox, LimitSettings(document_bytes=len(data)))
    assert error.failure.code is FailureCode.DOCUMENT_TOO_LARGE
    assert f"the limit is {len(data):,}" in error.failure.message
