"""Typed values and the customer's form: what a document writes, as a claims system reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.result import Evidence
from schemas.task import ReviewRule, Task
from schemas.value_type import DateOrder, MappedField, ValueType
from settings.sections.tasks import load_task
from workers.infer.draft import TaskDraft
from workers.infer.mapping import mapped
from workers.infer.review import review_reasons
from workers.infer.typed import typed_text, typed_values

US, EUROPE = DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST
ACORD = Path(__file__).parents[4] / "examples" / "tasks" / "fnol-acord.yaml"


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("May 3, 2026", None, "2026-05-03"),
        ("3rd of May 2026", None, "2026-05-03"),
        ("2026-05-03", None, "2026-05-03"),
        ("05/03/2026", US, "2026-05-03"),
        ("05/03/2026", EUROPE, "2026-03-05"),
        ("05/03/2026", None, None),
        ("05/05/2026", None, "2026-05-05"),
        ("25/03/2026", None, "2026-03-25"),
        ("25/03/2026", US, "2026-03-25"),
        ("5/3/26", US, "2026-05-03"),
        ("5/3/99", US, "1999-05-03"),
        ("31/02/2026", EUROPE, None),
        ("soon", None, None),
        ("on May 3, 2026", None, None),
        (20260503, None, None),
    ],
)
def test_a_date_is_one_day_or_none(text: Any, order: DateOrder | None, day: str | None) -> None:
    """One that can be two days is none where nobody says which order documents have."""
    assert typed_text(text, ValueType.DATE, order) == day


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("$1,200.00", "1200.00"),
        ("(1,200.50)", "-1200.50"),
        ("USD 0.10", "0.10"),
        ("12450", "12450"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        ("1.234.567", None),
        ("about 12", None),
        (True, None),
        ([], None),
    ],
)
def test_an_amount_is_a_decimal_string_to_the_last_digit(value: Any, amount: str | None) -> None:
    """Never a binary fraction, and never a guess."""
    assert typed_text(value, ValueType.MONEY, None) == amount


def test_values_keep_their_original_and_rows_are_typed_one_by_one() -> None:
    """Null has no type; a text that says none asks for a review."""
    data = {"rows": [{"paid": "$1.00"}, {"paid": None}, {"paid": "n/a"}, {}], "day": "May 3, 2026"}
    types = {"/rows/*/paid": ValueType.MONEY, "/day": ValueType.DATE, "/gone/x": ValueType.DATE}
    typed, untyped = typed_values(data, types, None)
    found = {place: (one.value, one.original) for place, one in typed.items()}
    assert found == {"/rows/0/paid": ("1.00", "$1.00"), "/day": ("2026-05-03", "May 3, 2026")}
    assert untyped == {"/rows/2/paid": ValueType.MONEY}
    task = load_task(ACORD)
    draft = TaskDraft(task, untyped=untyped, evidence=dict[str, Evidence]())
    assert review_reasons(ReviewRule(), draft) == ("/rows/2/paid: no money",)
    assert review_reasons(ReviewRule(untyped=False), draft) == ()


def _fields(**said: dict[str, Any]) -> dict[str, MappedField]:
    return {
        path.replace("__", "[]").replace("_", "."): MappedField.model_validate(field)
        for path, field in said.items()
    }


def test_a_form_has_the_customers_names_words_and_arrays() -> None:
    """Constants go to each item; what the data does not give is null."""
    data = {
        "policy": "HO-1",
        "cause": "Hail",
        "odd": "Meteor",
        "rows": [{"no": "1", "paid": "$2.50"}, {"no": "2", "paid": "n/a"}],
    }
    codes = {"Hail": "HAIL"}
    form = mapped(
        data,
        _fields(
            Claim_Policy={"from": "/policy"},
            Claim_Cause={"from": "/cause", "values": codes},
            Claim_Odd={"from": "/odd", "values": codes},
            Claim_Gone={"from": "/gone"},
            Losses___No={"from": "/rows/*/no"},
            Losses___Paid={"from": "/rows/*/paid", "as": "money"},
            Losses___Currency={"value": "USD"},
        ),
        None,
    )
    assert form == {
        "Claim": {"Policy": "HO-1", "Cause": "HAIL", "Odd": None, "Gone": None},
        "Losses": [
            {"No": "1", "Paid": "2.50", "Currency": "USD"},
            {"No": "2", "Paid": None, "Currency": "USD"},
        ],
    }
    assert mapped({"rows": []}, _fields(L__={"from": "/rows/*"}), None) == {}
    assert mapped({"rows": ["a", "b"]}, _fields(L__={"from": "/rows/*"}), None) == {"L": ["a", "b"]}


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"A": {}}, "exactly one"),
        ({"A": {"from": "/a", "value": 1}}, "exactly one"),
        ({"A": {"from": "/a/*"}}, r"0 `\[\]`"),
        ({"A[]": {"from": "/a"}}, r"1 `\[\]`"),
        ({"A": {"from": "/a"}, "A.B": {"from": "/b"}}, "holds others"),
        ({"A": {"from": "a"}}, "pattern"),
        ({"A..B": {"from": "/a"}}, "pattern"),
        ({"A": {"from": "/a", "to": "x"}}, "Extra"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_when_the_task_is_read(
    mapping: dict[str, Any], words: str
) -> None:
    """With the place."""
    task = load_task(ACORD).model_dump(by_alias=True, exclude={"mapping"})
    with pytest.raises(ValidationError, match=words):
        Task.model_validate({**task, "mapping": mapping})


def test_the_example_fills_a_form_like_acords() -> None:
    """Each of its fields is one of the task's."""
    task = load_task(ACORD)
    data = {
        "insured_name": "Jane Roe",
        "policy_number": "HO-1",
        "claim_number": "CLM-1",
        "date_of_loss": "05/03/2026",
        "loss_location": "14 Elm Street",
        "cause_of_loss": "Hail",
        "injuries": "No",
        "estimated_loss": "$12,450.00",
        "police_report_number": None,
    }
    form = mapped(data, task.mapping, task.dates)["ClaimsNotificationAddRq"]
    assert form["ClaimsOccurrence"]["LossDt"] == "2026-05-03"
    assert form["ClaimsOccurrence"]["LossCauseCd"] == "HAIL"
    assert form["ClaimsOccurrence"]["ProbableIncurredAmt"] == {"Amt": "12450.00", "CurCd": "USD"}
    assert form["Policy"]["PolicyNumber"] == "HO-1"
    assert form["ClaimsParty"]["InjuredInd"] == "0"
