"""CSV, HTML, JSON and archives."""

from __future__ import annotations

import json

import pytest

from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from tests.fixtures.documents.office import zipped
from workers.errors import StageError
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox

LIMITS = LimitSettings()


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
async def test_a_table_of_values_has_a_line_for_each_row(mark: str, sandbox: Sandbox) -> None:
    """Quotes are taken off, and a line end in a value does not end the row."""
    rows = (("Claim", "Cause", "Paid"), ("1", '"hail, ""bad""\nand rain"', "7"), ("2", "", "8"))
    data = "\r\n".join(mark.join(row) for row in rows).encode("cp1252")
    read = await read_document(data, LIMITS, sandbox)
    assert read.text == 'Claim | Cause | Paid\n1 | hail, "bad" and rain | 7\n2 |  | 8'
    assert read.media_type == "text/csv"


async def test_html_is_read_as_a_browser_shows_it(sandbox: Sandbox) -> None:
    """Tables by row, frames of tables by part, fields by value; nothing that is hidden."""
    page = """<!DOCTYPE html><html><head><title>T</title><style>b{}</style></head><body>
    <h1>Claim&nbsp;4711</h1><script>no()</script><p style="display: none">hidden</p>
    <table><tr><td><table><tr><th>Date<th>Paid</tr><tr><td>02/14<td><p>1,234</p><p>EUR</p></tr>
    </table></td><td>beside</td></tr></table>
    <input value="HO-3"><input type=hidden value=secret><input type=checkbox checked>
    <textarea>two
    words</textarea><div>a<br>b</div>end</body></html>"""
    text = (await read_document(page.encode(), LIMITS, sandbox)).text
    assert text.split("\n") == [
        "Claim 4711",
        "Date | Paid",
        "02/14 | 1,234 EUR",
        "beside",
        "HO-3 ☒",
        "two words",
        "a",
        "b",
        "end",
    ]


async def test_html_is_decoded_as_it_says_and_else_as_it_is(sandbox: Sandbox) -> None:
    """Pages can name a character set that they do not have."""
    for named, used in (("iso-8859-2", "iso-8859-2"), ("utf-8", "cp1252"), ("none", "utf-8")):
        page = f"<html><meta charset='{named}'><body>Zoë</body></html>".encode(used)
        assert (await read_document(page, LIMITS, sandbox)).text == "Zoë"


async def test_a_transcript_is_read_turn_by_turn(sandbox: Sandbox) -> None:
    """The transcript may be one object, a list or lines; numbers stay as they were written."""
    turns = [
        {"speaker": "Agent", "text": "Good\nmorning", "start": 0.50},
        {"speaker": "Caller", "text": "Hail", "start": 1},
    ]
    lines = "[0.5] Agent: Good morning\n[1] Caller: Hail"
    whole = {"call_id": "C-7", "data": {"turns": turns}}
    for data, text in (
        (json.dumps(whole), f"call_id: C-7\n{lines}"),
        (json.dumps(turns), lines),
        ("\n".join(map(json.dumps, turns)), lines),
    ):
        assert (await read_document(data.encode(), LIMITS, sandbox)).text == text


@pytest.mark.parametrize(
    "data", ['{"claim": 4711}', '[{"a": 1}, 2]', "[see {below]", "[" * 9999 + "]"]
)
async def test_other_json_is_read_as_it_is_written(data: str, sandbox: Sandbox) -> None:
    """Broken JSON, too: nothing of it is lost."""
    assert (await read_document(data.encode(), LIMITS, sandbox)).text == data


async def test_an_archives_members_are_read_in_their_order(sandbox: Sandbox) -> None:
    """Files that systems add to archives are no content."""
    members = {"b/2.csv": "a;b\n1;2\n3;4\n", "__MACOSX/b/._2.csv": "x", "a.txt": "last"}
    read = await read_document(zipped(members), LIMITS, sandbox)
    assert [(page.part, page.text) for page in read.pages] == [
        ("b/2.csv", "a | b\n1 | 2\n3 | 4"),
        ("a.txt", "last"),
    ]


async def test_all_pages_of_an_archive_count_against_the_limit(sandbox: Sandbox) -> None:
    """No member has too many, the whole has."""
    data = zipped({f"{number}.txt": "a\fb" for number in range(3)})
    assert len((await read_document(data, LimitSettings(pages=6), sandbox)).pages) == 6
    with pytest.raises(StageError) as caught:
        await read_document(data, LimitSettings(pages=5), sandbox)
    assert caught.value.failure.code is FailureCode.DOCUMENT_TOO_LARGE


async def test_archives_inside_one_another_are_read_to_a_depth(sandbox: Sandbox) -> None:
    """Deeper members are named, and not read."""
    data = b"bottom"
    for level in range(7):
        data = zipped({f"{level}.txt": f"level {level}", "in.zip": data})
    read = await read_document(data, LIMITS, sandbox)
    assert [page.text for page in read.pages][:5] == [f"level {n}" for n in (6, 5, 4, 3, 2)]
    assert read.pages[-1].reason is not None
    assert read.pages[-1].reason.startswith("document.too_large: ")
