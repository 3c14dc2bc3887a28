"""Pages that are images, read by a real engine: what they say, and where it stands."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from PIL import Image

from schemas.document import Page, PageSource
from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from tests.fixtures.documents.office import zipped
from tests.fixtures.documents.pages import encoded, paper, scan
from workers.errors import StageError
from workers.prepare.answer import Reading
from workers.prepare.document import read_document
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox
from workers.prepare.zygote_link import SandboxStartError

LIMITS = LimitSettings()
LINES = "Claim 4711\nHail broke two skylights\nPaid 1,234.56"
SCAN = scan(LINES, size=(640, 480))
DEEP = SCAN.convert("I").point(lambda shade: shade * 257).convert("I;16")


def noise() -> Image.Image:
    """A page on which letters were lost among dots."""
    dots = random.Random(4711).randbytes(240 * 320)  # noqa: S311  # no secret
    return Image.frombytes("L", (240, 320), dots)


def place(page: Page, word: str) -> tuple[float, float, float, float]:
    """The box of a word on the page."""
    return next(box[2:] for box in page.words if page.text[box[0] : box[1]] == word)


async def test_of_a_mixed_pdf_the_scanned_page_is_recognized_and_the_others_are_read(
    sandbox: Sandbox, ocr: Ocr
) -> None:
    """Each page's source says which."""
    read = await read_document(paper("A letter", SCAN, "The end"), LIMITS, sandbox, ocr)
    assert [page.text for page in read.pages] == ["A letter", LINES, "The end"]
    assert [page.source for page in read.pages] == ["text", "ocr", "text"]
    assert [len(page.words) > 0 for page in read.pages] == [False, True, False]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 4, -6])
async def test_a_page_that_lies_or_leans_is_set_right(
    degrees: int, sandbox: Sandbox, ocr: Ocr
) -> None:
    """And a word's box is where the word stands on the page as it came."""
    turned = SCAN.rotate(degrees, expand=True, fillcolor=255)
    page = (await read_document(encoded(turned), LIMITS, sandbox, ocr)).pages[0]
    assert page.text == LINES
    left, top, right, bottom = place(page, "skylights")
    width, height = turned.size
    inside = (int(left * width), int(top * height), int(right * width), int(bottom * height))
    erased = turned.copy()
    erased.paste(255, inside)
    again = (await read_document(encoded(erased), LIMITS, sandbox, ocr)).pages[0]
    assert "skylights" not in again.text
    assert "1,234.56" in again.text


async def test_rows_of_a_table_without_rules_stay_together(sandbox: Sandbox, ocr: Ocr) -> None:
    """Columns far apart are not read one after the other."""
    rows = [f"GL-{n:04}            Hail            {n},250.00" for n in range(1, 9)]
    read = await read_document(encoded(scan("\n".join(rows))), LIMITS, sandbox, ocr)
    assert [line.split() for line in read.text.split("\n")] == [row.split() for row in rows]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(SCAN, "JPEG"), id="jpeg"),
        pytest.param(encoded(SCAN.convert("RGB"), "PNG"), id="png"),
        pytest.param(encoded(SCAN.convert("1"), "TIFF", compression="group4"), id="fax"),
        pytest.param(encoded(SCAN.convert("CMYK"), "TIFF", compression="tiff_lzw"), id="cmyk"),
        pytest.param(
            encoded(SCAN.convert("I").point(lambda shade: shade * 257).convert("I;16"), "PNG"),
            id="16-bit",
        ),
        pytest.param(encoded(SCAN.convert("P"), "PNG"), id="palette"),
        pytest.param(zipped({"scan.png": encoded(SCAN)}), id="zip"),
    ],
)
async def test_images_of_each_kind_are_recognized(data: bytes, sandbox: Sandbox, ocr: Ocr) -> None:
    """In colour, in black and white, and inside of others."""
    assert (await read_document(data, LIMITS, sandbox, ocr)).text == LINES


async def test_each_frame_of_a_tiff_is_a_page_and_a_blank_one_is_read(
    sandbox: Sandbox, ocr: Ocr
) -> None:
    """In their order, more than one process reads them."""
    frames = [scan(f"Page {number}", size=(620, 877)) for number in range(1, 6)]
    frames[2] = Image.new("L", (620, 877), 255)
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    read = await read_document(data, LIMITS, sandbox, ocr)
    assert [page.text for page in read.pages] == ["Page 1", "Page 2", "", "Page 4", "Page 5"]
    assert read.pages[2].source is PageSource.TEXT


async def test_a_transparent_picture_and_one_that_a_camera_turned_are_seen_as_people_see_them(
    sandbox: Sandbox, ocr: Ocr
) -> None:
    """On white, and as the file says that it is to be shown."""
    clear = Image.new("RGBA", SCAN.size, (0, 0, 0, 0))
    clear.putalpha(SCAN.point(lambda shade: 255 - shade))
    assert (await read_document(encoded(clear), LIMITS, sandbox, ocr)).text == LINES
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(SCAN.rotate(90, expand=True), "JPEG", exif=exif)
    page = (await read_document(data, LIMITS, sandbox, ocr)).pages[0]
    assert page.text == LINES
    assert place(page, "Claim")[0] < 0.2


async def test_without_ocr_pages_that_are_images_are_unread(sandbox: Sandbox) -> None:
    """The text of the others is there."""
    read = await read_document(paper("A letter", SCAN), LIMITS, sandbox)
    assert (read.pages[0].text, read.unread_pages) == ("A letter", (2,))


async def test_a_page_of_noise_is_unread_though_ocr_reads_something_into_it(
    sandbox: Sandbox, ocr: Ocr
) -> None:
    """The text that OCR finds there is not used."""
    with pytest.raises(StageError) as caught:
        await read_document(encoded(noise()), LIMITS, sandbox, ocr)
    assert caught.value.failure.code is FailureCode.DOCUMENT_NO_TEXT


async def test_what_stands_beside_a_scan_is_kept_once(sandbox: Sandbox, ocr: Ocr) -> None:
    """A stamp of the PDF is in the page's image, too."""
    data = paper(SCAN, stamp="Received 2025-02-14")
    text = (await read_document(data, LIMITS, sandbox, ocr)).text
    assert text.count("2025-02-14") == 1
    assert "1,234.56" in text


async def test_a_page_that_breaks_its_process_is_unread_and_its_neighbours_are_read(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those are read again without it, each with the budget of one page."""
    ocr = Ocr(OcrSettings(page_cpu_seconds=7))
    read_pages, budgets = ocr._sandbox.read, []

    async def read(data: bytes, limits: LimitSettings, wanted: Sequence[int] = ()) -> Reading:
        budgets.append((tuple(wanted), limits.sandbox_cpu_seconds))
        if 2 in wanted:
            raise StageError(FailureCode.DOCUMENT_EXHAUSTING, "Too much.")
        return await read_pages(data, limits, wanted)

    monkeypatch.setattr(ocr._sandbox, "read", read)
    read_so = await read_document(paper("A letter", SCAN, SCAN), LIMITS, sandbox, ocr)
    ocr.stop()
    assert read_so.unread_pages == (2,)
    assert read_so.pages[2].text == LINES
    assert budgets == [((2, 3), 30 + 14), ((2,), 30 + 7), ((3,), 30 + 7)]


async def test_a_language_that_is_not_installed_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    """The worker does not start."""
    ocr = Ocr(OcrSettings(languages=("eng", "xyz")))
    with pytest.raises(SandboxStartError):
        await ocr.start()
    assert "xyz" in capfd.readouterr().err
