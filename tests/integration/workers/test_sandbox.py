"""PDFs, honest and hostile, read by real processes; and what becomes of those processes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter

from schemas.failure import FailureCode
from settings.errors import SettingsError
from settings.sections.limits import LimitSettings
from settings.sections.sandbox import SandboxLayer
from workers.errors import StageError
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox
from workers.prepare.zygote_link import Layers, SandboxStartError

ROOT = Path(__file__).parents[3]
LIMITS = LimitSettings()
SMALL = LimitSettings(sandbox_memory_bytes=2**28, sandbox_cpu_seconds=5)
HELLO = b"BT /F 12 Tf 72 700 Td (Claim 4711) Tj ET"


def printed(*pages: str) -> bytes:
    """A PDF with those pages, as a program writes it."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for text in pages:
        pdf.add_page()
        pdf.multi_cell(0, 6, text)
    return bytes(pdf.output())


def locked(data: bytes, *, user: str, owner: str) -> bytes:
    """The PDF, encrypted with passwords."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user, owner, algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def assembled(*objects: bytes) -> bytes:
    """A PDF of these objects; the first is its catalog."""
    data, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    end = b"trailer\n<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table) + end


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object with more entries in its dictionary."""
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(content), entries, content)


def one_page(
    content: bytes = stream(HELLO),
    *further: bytes,
    catalog: bytes = b"",
    page: bytes = b"/MediaBox[0 0 612 792]",
) -> bytes:
    """A PDF of one page; `further` objects are numbered from 6."""
    return assembled(
        b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>%b>>" % page,
        content,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *further,
    )


def bomb(unit: bytes) -> bytes:
    """A small PDF whose page inflates to 300 MB of one operator."""
    deflate = zlib.compressobj(9)
    block = unit * (2**20 // len(unit))
    content = deflate.compress(b"BT /F 12 Tf ")
    content += b"".join(deflate.compress(block) for _ in range(300)) + deflate.flush()
    return one_page(stream(content, b"/Filter/FlateDecode"))


@pytest.fixture(scope="module")
def endless() -> bytes:
    """A PDF that keeps its reader busy for longer than any test here waits."""
    return bomb(b"(A) Tj ")


async def refusal(data: bytes, sandbox: Sandbox, limits: LimitSettings = LIMITS) -> StageError:
    """The error that reading the bytes ends with."""
    with pytest.raises(StageError) as caught:
        await read_document(data, limits, sandbox)
    return caught.value


def children_of(parent: int) -> list[int]:
    """Process ids of a process's children that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, its_parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(its_parent) == parent and state != "Z":
            found.append(int(folder.name))
    return found


def zygotes_of(parent: int) -> list[int]:
    """Process ids of the zygotes that a process has."""
    return [pid for pid in children_of(parent) if b"workers.prepare.zygote" in proc(pid, "cmdline")]


def readers_of(parent: int) -> list[int]:
    """Process ids of the readers that the process's zygotes have and that have not ended."""
    return [reader for zygote in zygotes_of(parent) for reader in children_of(zygote)]


def lives(pid: int) -> bool:
    """Whether the process exists and has not ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def until(condition: Callable[[], Any]) -> Any:
    """Wait for something to be true, and give it back."""
    async with asyncio.timeout(20):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


async def reading(data: bytes, sandbox: Sandbox) -> tuple[asyncio.Task[Any], int]:
    """A read in progress, and its reader's process id."""
    task = asyncio.create_task(read_document(data, LIMITS, sandbox))
    readers = await until(lambda: readers_of(os.getpid()))
    return task, readers[0]


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


@pytest.mark.parametrize("unit", [b"(A) Tj ", b"q Q "])
async def test_a_pdf_that_inflates_meets_the_memory_limit(unit: bytes, sandbox: Sandbox) -> None:
    """300 MB out of less than one are too much for 256 MiB."""
    data = bomb(unit)
    assert len(data) < 2**20
    error = await refusal(data, sandbox, SMALL)
    assert error.failure.code is FailureCode.DOCUMENT_EXHAUSTING
    assert "268,435,456 bytes of memory" in error.failure.message
    assert readers_of(os.getpid()) == []


async def test_the_cpu_limit_ends_the_reader(endless: bytes, sandbox: Sandbox) -> None:
    """The message names the limit that was met."""
    error = await refusal(endless, sandbox, LimitSettings(sandbox_cpu_seconds=1))
    assert error.failure.code is FailureCode.DOCUMENT_EXHAUSTING
    assert "1 s of CPU" in error.failure.message


async def test_the_wall_limit_ends_the_reader(endless: bytes, sandbox: Sandbox) -> None:
    """When the time is over the process is gone."""
    error = await refusal(endless, sandbox, LimitSettings(sandbox_wall_seconds=0.3))
    assert error.failure.code is FailureCode.DOCUMENT_EXHAUSTING
    assert "0.3 s" in error.failure.message
    assert readers_of(os.getpid()) == []


async def test_a_reader_killed_from_outside_is_not_the_documents_fault(
    endless: bytes, sandbox: Sandbox
) -> None:
    """The kernel may have wanted memory for others: the job is tried again."""
    task, reader = await reading(endless, sandbox)
    os.kill(reader, signal.SIGKILL)
    with pytest.raises(StageError) as caught:
        await task
    assert caught.value.failure.code is FailureCode.WORKER_KILLED
    assert caught.value.failure.transient


async def test_cancelling_the_caller_ends_the_reader(endless: bytes, sandbox: Sandbox) -> None:
    """When the cancelled call is over, so is the process."""
    task, reader = await reading(endless, sandbox)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lives(reader)


async def test_a_parent_killed_with_sigkill_takes_its_reader_along(
    endless: bytes, tmp_path: Path
) -> None:
    """The kernel ends the reader when nobody is left to do it."""
    document = tmp_path / "endless.pdf"
    document.write_bytes(endless)
    program = (
        "import asyncio, pathlib, sys; from settings.sections.limits import LimitSettings;"
        "from workers.prepare.sandbox import Sandbox;"
        "from workers.prepare.document import read_document;"
        "data = pathlib.Path(sys.argv[1]).read_bytes();"
        "asyncio.run(read_document(data, LimitSettings(), Sandbox()))"
    )
    with subprocess.Popen((sys.executable, "-c", program, document), cwd=ROOT) as parent:  # noqa: ASYNC220  # starting it blocks for a moment only; our own program
        try:
            reader = (await until(lambda: [*filter(confined, readers_of(parent.pid))]))[0]
            os.kill(reader, signal.SIGSTOP)  # It will not end by itself now.
        finally:
            parent.kill()
    try:
        await until(lambda: not lives(reader))
    finally:
        if lives(reader):
            os.kill(reader, signal.SIGKILL)


def confined(reader: int) -> bool:
    """Whether the reader has put on its layers; the filter is the last."""
    try:
        return b"Seccomp:\t2" in proc(reader, "status")
    except OSError:  # it has ended, as the trial of the layers does
        return False


def limits_of(reader: int) -> dict[str, list[str]]:
    """A process's limits, soft and hard, as the kernel names them."""
    lines = proc(reader, "limits").decode().splitlines()
    return {line[:25].strip(): line[25:].split()[:2] for line in lines}


def proc(pid: int, file: str) -> bytes:
    """What the kernel says of a process."""
    return Path(f"/proc/{pid}/{file}").read_bytes()


def open_files(pid: int) -> set[int]:
    """The numbers of a process's open files."""
    return {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}


async def test_a_reader_is_confined_and_knows_no_secrets(
    endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel says of a reader: limits, session, privileges, environment, open files."""
    monkeypatch.setenv("DOCFLEET_API_KEY", "do-not-tell")
    sandbox = Sandbox()
    await sandbox.start()  # its trial of the layers would be taken for the reader
    task, reader = await reading(endless, sandbox)
    await until(lambda: confined(reader))
    limits = limits_of(reader)
    assert int(limits["Max address space"][0]) > LIMITS.sandbox_memory_bytes
    assert limits["Max cpu time"] == ["30", "30"]
    assert limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    assert os.getsid(reader) == reader
    assert b"NoNewPrivs:\t1" in proc(reader, "status")
    assert b"do-not-tell" not in proc(reader, "environ")
    assert b"CapEff:\t0000000000000000" in proc(reader, "status")
    assert open_files(reader) == {0, 1, 2}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sandbox.stop()


async def test_a_zygote_that_was_killed_is_replaced(endless: bytes) -> None:
    """Its readers go with it, which is no fault of their documents; the next one is read."""
    sandbox = Sandbox()
    await sandbox.start()
    task = asyncio.create_task(read_document(endless, LIMITS, sandbox))
    zygote = sandbox._zygote
    assert zygote is not None
    reader = (await until(lambda: children_of(zygote._process.pid)))[0]
    os.kill(zygote._process.pid, signal.SIGKILL)
    with pytest.raises(StageError) as caught:
        await task
    assert caught.value.failure.code is FailureCode.WORKER_KILLED
    await until(lambda: not lives(reader))
    assert (await read_document(b"Claim 4711", LIMITS, sandbox)).text == "Claim 4711"
    sandbox.stop()


async def test_a_format_that_leaves_a_thread_behind_is_not_served(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A fork would lose the thread, and keep the locks that it holds."""
    name = "tests.fixtures.lingering_format"
    with pytest.raises(SandboxStartError):
        await Sandbox(formats=(name,)).start()
    assert f"{name} leaves a thread behind" in capfd.readouterr().err


async def test_a_layer_that_is_required_and_not_there_is_named() -> None:
    """The worker does not start, and says what is wrong."""
    sandbox = Sandbox(require=frozenset(SandboxLayer))
    layers = Layers({"network": "Operation not permitted"}, landlock=7)
    with pytest.raises(SettingsError, match=r"network \(Operation not permitted\).*docs/"):
        sandbox._check_layers(layers)


def test_a_prepare_worker_hides_its_environment_and_its_memory() -> None:
    """From all that run as the same user: its secrets came with the environment."""
    program = (
        "import ctypes, os; from settings.fleet import load_settings; from pathlib import Path\n"
        "from workers.assembly import run_worker; from workers.role import Role\n"
        "from workers.engine_kind import EngineKind\n"
        "settings = load_settings(Path('fleet.toml'))\n"
        "try: run_worker(settings, [Role.PREPARE], pool=None, engine=EngineKind.SCRIPTED)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        (sys.executable, "-c", program),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-2:] == ["SettingsError", "0"]


async def test_many_documents_are_read_at_once(sandbox: Sandbox) -> None:
    """Each has its own process, and the answers are not mixed up."""
    documents = [printed(f"Claim {number}") for number in range(8)]
    read = await asyncio.gather(*(read_document(data, LIMITS, sandbox) for data in documents))
    assert [pages.text for pages in read] == [f"Claim {number}" for number in range(8)]
    assert readers_of(os.getpid()) == []
