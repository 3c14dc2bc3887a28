"""Documents of every format, dropped in a bucket: the right text, or the right dead letter.

Real parts but for the engine, which makes its results up; what was read lies in the work bucket.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from urllib.parse import quote

import pytest
import pytest_asyncio

from demo.drop import s3_client
from tests.acceptance.running_stack import RunningStack, running_stack
from tests.fixtures.documents.hostile_files import HOSTILE
from tests.fixtures.documents.office import cell, docx, paragraph, sheet, word_table, xlsx, zipped
from tests.fixtures.documents.outlook import compound, message
from tests.fixtures.documents.pages import encoded, paper, scan
from tests.fixtures.documents.pdfs import printed

OPTIONS = ("--engine", "scripted")
LIMITS = {
    "DOCFLEET_LIMITS__DOCUMENT_BYTES": str(8 * 2**20),
    "DOCFLEET_LIMITS__SANDBOX_MEMORY_BYTES": str(2**29),
    "DOCFLEET_LIMITS__SANDBOX_CPU_SECONDS": "10",
}
LINES = "Claim 4711\nHail broke two skylights"
SCAN = scan(LINES, size=(640, 480))

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


def _mail() -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@b.example", "c@d.example", "Claim 4711"
    made.set_content("The scan is attached.")
    made.add_attachment(encoded(SCAN), maintype="image", subtype="png", filename="scan.png")
    return made.as_bytes()


READABLE: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "two pages.pdf": (lambda: printed("Claim 4711", "Paid"), ["Claim 4711", "Paid"]),
    "mixed.pdf": (lambda: paper("A letter", SCAN, "The end"), ["A letter", LINES, "The end"]),
    "pdf named as text.txt": (lambda: printed("Claim 4711"), ["Claim 4711"]),
    "on its side.png": (lambda: encoded(SCAN.rotate(90, expand=True)), [LINES]),
    "leaning.jpg": (lambda: encoded(SCAN.rotate(4, expand=True, fillcolor=255), "JPEG"), [LINES]),
    "frames.tiff": (
        lambda: encoded(SCAN, "TIFF", save_all=True, append_images=[SCAN]),
        [LINES, LINES],
    ),
    "table.docx": (
        lambda: docx(paragraph("Claim 4711") + word_table(("Cause", "Paid"), ("Hail", "7"))),
        ["Claim 4711\nCause | Paid\nHail | 7"],
    ),
    "sheet.xlsx": (
        lambda: xlsx({"Losses": sheet(cell("A1", "4711") + cell("C1", "7"))}),
        ["Losses\n4711 |  | 7"],
    ),
    "rows.csv": (
        lambda: b'Claim;Cause\r\n4711;"hail; rain"\r\n4712;fire\r\n',
        ["Claim | Cause\n4711 | hail; rain\n4712 | fire"],
    ),
    "page.html": (
        lambda: b"<html><p style='display:none'>no</p><table><tr><td>Claim<td>4711</table></html>",
        ["Claim | 4711"],
    ),
    "mail with a scan.eml": (
        _mail,
        [
            "From: a@b.example\nTo: c@d.example\nSubject: Claim 4711\nThe scan is attached.",
            LINES,
        ],
    ),
    "outlook.msg": (lambda: compound(message(body="Claim 4711")), ["Claim 4711"]),
    "archive of a mail.zip": (
        lambda: zipped({"a.eml": _mail(), "b.csv": "a;b;c\n1;2;3\n4;5;6\n7;8;9\n"}),
        ["Subject: Claim 4711", LINES, "a | b | c\n1 | 2 | 3\n4 | 5 | 6\n7 | 8 | 9"],
    ),
    "call.json": (
        lambda: json.dumps([{"speaker": "Agent", "text": "Hello"}] * 2).encode(),
        ["Agent: Hello\nAgent: Hello"],
    ),
    "hebrew.txt": (lambda: "תביעה 4711".encode("utf-16"), ["תביעה 4711"]),
}
"""What makes each file, and the text that its pages have at least."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """A stack with small limits."""
    state_dir = tmp_path_factory.mktemp("state")
    async with running_stack(state_dir, OPTIONS, LIMITS) as stack:
        yield stack


def _drop(stack: RunningStack, files: dict[str, Callable[[], bytes]]) -> None:
    client = s3_client(stack.env)
    for name, make in files.items():
        client.put_object(
            Bucket=stack.env["DOCFLEET_INCOMING_BUCKET"], Key=f"fnol/{name}", Body=make()
        )


async def test_each_readable_document_comes_out_right(stack: RunningStack) -> None:
    """All its pages, whatever its name says that it is."""
    _drop(stack, {name: make for name, (make, _) in READABLE.items()})
    events = await stack.events(len(READABLE))
    assert {event["type"] for event in events} == {"job.succeeded"}, events
    client = s3_client(stack.env)
    results = {result["document"]["uri"]: result for result in stack.results().values()}
    texts = {}
    for entry in client.list_objects_v2(Bucket="work", Prefix="text/")["Contents"]:
        text = json.loads(client.get_object(Bucket="work", Key=entry["Key"])["Body"].read())
        texts[text["sha256"]] = [page["text"] for page in text["pages"]]
    for name, (_, wanted) in READABLE.items():
        result = results[f"s3://{stack.env['DOCFLEET_INCOMING_BUCKET']}/fnol/{name}"]
        pages = texts[result["document"]["sha256"]]
        assert len(pages) == len(wanted), name
        assert all(want in page for want, page in zip(wanted, pages, strict=True)), (name, pages)
        assert result["document"]["pages_read"] == list(range(1, len(wanted) + 1))


async def test_each_hostile_document_is_a_dead_letter_of_its_own(stack: RunningStack) -> None:
    """And the fleet takes the next document."""
    _drop(stack, {f"hostile/{quote(name)}": make for name, (make, _) in HOSTILE.items()})
    events = await stack.events(len(HOSTILE))
    found = {
        event["data"]["document"]["uri"].rpartition("hostile/")[2]: event["data"].get("failure", {})
        for event in events
    }
    codes = {name: found[quote(name)].get("code") for name in HOSTILE}
    assert codes == {name: code for name, (_, code) in HOSTILE.items()}
    _drop(stack, {"next.txt": lambda: b"Claim 4711"})
    (event,) = await stack.events(1)
    assert event["type"] == "job.succeeded"
