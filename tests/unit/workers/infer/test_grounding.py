"""Evidence: values are found however they are written, and what a document lacks is ungrounded."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.document import Page, PageSource
from schemas.result import Evidence, Match
from workers.infer.grounding.locator import Locator

TEXT = """Loss Run Report     Valued 02/26/2026
Named insured: Juniper Valley Transport, LLC
Policy number: CA-781621     Effective 04/01/2026
Reserve $1,200.77 Paid (339.35) Recovered $0.00
Insured: Juniper Valley Transport, LLC
Adjuster Morgan X. Larkin saw the truck on May 2, 2026 in Łódź; “totalled”.
"""


def _find(value: Any, text: str = TEXT, **schema: Any) -> Evidence | None:
    page = Page(number=3, text=text, start=0)
    outline = {"type": "object", "properties": {"value": schema or {"type": "string"}}}
    return Locator([page]).evidence({"value": value}, outline).get("/value")


@pytest.mark.parametrize(
    ("value", "quote", "match"),
    [
        ("CA-781621", "CA-781621", Match.EXACT),
        ("Juniper Valley Transport LLC", "Juniper Valley Transport, LLC", Match.NORMALIZED),
        ("JUNIPER VALLEY  TRANSPORT, LLC", "Juniper Valley Transport, LLC", Match.NORMALIZED),
        ("2026-05-02", "May 2, 2026", Match.NORMALIZED),
        ("02 May 2026", "May 2, 2026", Match.NORMALIZED),
        ("2026-02-26", "02/26/2026", Match.NORMALIZED),
        (1200.77, "$1,200.77", Match.NORMALIZED),
        ("1200.77", "$1,200.77", Match.NORMALIZED),
        (-339.35, "(339.35)", Match.NORMALIZED),
        (0, "$0.00", Match.NORMALIZED),
        ("Łódź", "Łódź", Match.EXACT),
        ("Juniper Valey Transport, LLC", "Juniper Valley Transport, LLC", Match.FUZZY),
    ],
)
def test_a_value_is_found_however_it_is_written(value: Any, quote: str, match: Match) -> None:
    """The quote is the document's own text, at the offsets that the evidence names."""
    found = _find(value)
    assert found is not None
    assert (found.quote, found.match, found.page) == (quote, match, 3)
    assert found.start is not None
    assert TEXT[found.start : found.end] == quote


@pytest.mark.parametrize(
    "value",
    ["CA-781622", "CA-78162", "2026-05-03", "05/02/2025", 1200.7, 200.77, 77, "Larkins Ltd"],
)
def test_a_value_that_the_document_lacks_is_ungrounded(value: Any) -> None:
    """A digit more or less makes another number, and a part of a number is none."""
    found = _find(value)
    assert found is not None
    assert found == Evidence(match=Match.UNGROUNDED)


@pytest.mark.parametrize(
    ("value", "is_there"),
    [
        ("hail damage to the roof of the office", True),
        ("hil damage to the rof of the office", True),
        ("wind damage to the roof of the office", False),
        ("Dana damage to the roof of the office", False),
    ],
)
def test_a_text_with_another_word_is_another_text(value: str, *, is_there: bool) -> None:
    """Misspelled words are almost the same; one other word in a long text is not."""
    found = _find(value, "Open; hail damage to the roof of the office; driver none")
    assert found is not None
    assert (found.match is not Match.UNGROUNDED) is is_there


def test_an_m_that_was_read_as_rn_is_found_on_a_page_that_was_recognized() -> None:
    """And on no other page."""
    text = "Insured: Sarnuel Arrnstrong"
    schema = {"type": "object", "properties": {"insured": {"type": "string"}}}
    matches = []
    for source in (PageSource.OCR, PageSource.TEXT):
        page = Page(number=1, text=text, start=0, source=source)
        found = Locator([page]).evidence({"insured": "Samuel Armstrong"}, schema)
        matches.append(found["/insured"].match)
    assert matches == [Match.FUZZY, Match.UNGROUNDED]


@pytest.mark.parametrize(
    ("text", "is_there"),
    [("TH-2025-19393", True), ("IH-2025-19398", False), ("IH-2O25-l9393", True)],
)
def test_a_letter_may_be_misread_and_a_digit_may_not(text: str, *, is_there: bool) -> None:
    """Even a letter that looks like a digit."""
    page = Page(number=1, text=f"Claim no.: {text}", start=0, source=PageSource.OCR)
    schema = {"type": "object", "properties": {"claim": {"type": "string"}}}
    found = Locator([page]).evidence({"claim": "IH-2025-19393"}, schema)["/claim"]
    assert (found.match is Match.FUZZY) is is_there


def test_misread_characters_are_fuzzy_on_a_page_that_was_recognized() -> None:
    """OCR takes O for 0; a page with text of its own does not."""
    text = "Policy CA-78I62I of the insured"
    scanned = Page(number=1, text=text, start=0, source=PageSource.OCR)
    schema = {"type": "object", "properties": {"policy": {"type": "string"}}}
    found = Locator([scanned]).evidence({"policy": "CA-781621"}, schema)
    assert found["/policy"].match is Match.FUZZY
    printed = Page(number=1, text=text, start=0)
    found = Locator([printed]).evidence({"policy": "CA-781621"}, schema)
    assert found["/policy"].match is Match.UNGROUNDED


def test_the_place_beside_the_name_of_the_field_is_the_evidence() -> None:
    """One date may stand in a document for two reasons."""
    text = "Reported 05/03/19 by the driver.\nDate of loss 05/03/19\n"
    schema = {"type": "object", "properties": {"date_of_loss": {"type": "string"}}}
    page = Page(number=1, text=text, start=0)
    found = Locator([page]).evidence({"date_of_loss": "05/03/19"}, schema)
    assert found["/date_of_loss"].start == text.rindex("05/03/19")


def test_the_values_of_a_row_are_found_in_one_row() -> None:
    """A status that each row has is taken from the row that holds the claim's number."""
    text = "A-1 Open 10.00\nA-2 Open 20.00\nA-3 Closed 20.00\n"
    rows = [{"claim": f"A-{n}", "state": "Open", "paid": 20} for n in (2, 3)]
    outline = {"type": "object", "properties": {"rows": {"type": "array", "items": {}}}}
    found = Locator([Page(number=1, text=text, start=0)]).evidence({"rows": rows}, outline)
    second = text.index("A-2")
    assert found["/rows/0/state"].start == text.index("Open", second)
    assert found["/rows/0/paid"].start == text.index("20.00", second)
    assert found["/rows/1/paid"].start == text.rindex("20.00")


def test_a_row_may_go_over_the_end_of_a_page() -> None:
    """The nearest place is the row's, even on the other page."""
    pages = [
        Page(number=1, text="Loss 1\nhail\nOpen\n\nLoss 2\nfire\nOpen\n", start=0),
        Page(number=2, text="paid 20.00\n\nLoss 3\nwind\nOpen\npaid 20.00\n", start=0),
    ]
    rows = [{"cause": cause, "state": "Open", "paid": "20.00"} for cause in ("fire", "wind")]
    outline = {"type": "object", "properties": {"rows": {"type": "array", "items": {}}}}
    found = Locator(pages).evidence({"rows": rows}, outline)
    places = {pointer: (one.page, one.start) for pointer, one in found.items()}
    assert places["/rows/0/state"] == (1, pages[0].text.rindex("Open"))
    assert places["/rows/0/paid"] == (2, pages[1].text.index("20.00"))
    assert places["/rows/1/state"] == (2, pages[1].text.index("Open"))
    assert places["/rows/1/paid"] == (2, pages[1].text.rindex("20.00"))


def test_another_month_is_another_day() -> None:
    """However alike their names are."""
    found = _find("2 June 2026", "Seen on 2 July 2026.")
    assert found is not None
    assert found.match is Match.UNGROUNDED


def test_rows_that_the_document_has_twice_have_each_their_own_place() -> None:
    """They are two rows."""
    text = "hail 10.00\nhail 10.00\n"
    outline = {"type": "object", "properties": {"rows": {"type": "array", "items": {}}}}
    rows = [{"cause": "hail"}, {"cause": "hail"}]
    found = Locator([Page(number=1, text=text, start=0)]).evidence({"rows": rows}, outline)
    assert [found[f"/rows/{n}/cause"].start for n in (0, 1)] == [0, text.rindex("hail")]


def test_a_choice_of_the_task_needs_no_place() -> None:
    """`Collision` is the task's word for what the document tells."""
    assert _find("Collision", enum=["Collision", "Fire"]) is None
    found = _find("Collision", "Value: Collision", enum=["Collision", "Fire"])
    assert found is not None
    assert found.match is Match.EXACT
