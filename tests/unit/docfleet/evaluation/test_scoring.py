"""Scoring: values beside their truths, rows in order, evidence on the right page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docfleet.evaluation.report import Report, Subject, compare, make_report
from docfleet.evaluation.run import score
from docfleet.evaluation.scored import ScoredDocument, Truth
from docfleet.evaluation.scoring import cells, not_asked
from docfleet.evaluation.truths import Case
from schemas.result import Evidence, Match, TaskResult, TaskStatus
from schemas.task import Task, TaskKind

_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}
SUBJECT = Subject(task="t", version="1", kind="extraction")
EXTRACTION = Task(
    name="notice",
    version="1",
    kind=TaskKind.EXTRACTION,
    instructions="Read.",
    output_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {"policy": _TEXT, "paid": _TEXT, "claim": _TEXT},
    },
)
LIST = Task(
    name="rows",
    version="1",
    kind=TaskKind.LIST,
    instructions="Read.",
    output_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"claim": _TEXT, "paid": _TEXT},
                },
            }
        },
    },
)
ROW = st.fixed_dictionaries({"claim": st.sampled_from("ABCD"), "paid": st.sampled_from("123")})
ROWS = st.lists(ROW, max_size=5)


def _score(
    task: Task, data: Any, truth: Any, places: dict[str, tuple[int, ...]] | None = None, **more: Any
) -> ScoredDocument:
    given_result = TaskResult(
        status=TaskStatus.SUCCEEDED, version="1", kind=task.kind, data=data, **more
    )
    case = Case(Path("a.pdf"), Truth(truth, places or {}))
    return score(task, case, given_result)


def _report(*documents: ScoredDocument) -> Report:
    return make_report(SUBJECT, documents, seed=0)


def _figures(*documents: ScoredDocument) -> dict[str, float | None]:
    return {name: figure.value for name, figure in _report(*documents).figures.items()}


def test_values_are_counted_as_given_known_and_right() -> None:
    """An invented value costs precision, a missed one recall, and both cost completeness."""
    truth = {"policy": "P-1", "paid": "$100.00", "claim": None}
    found = _figures(_score(EXTRACTION, {"policy": "P-1", "paid": "100", "claim": "C-9"}, truth))
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), 1.0)
    assert found["exact_recall"] == 0.5
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["complete_documents"] == 0.0
    found = _figures(_score(EXTRACTION, {"policy": "P-1", "paid": "100", "claim": ""}, truth))
    assert (found["precision"], found["f1"], found["complete_documents"]) == (1.0, 1.0, 1.0)


def test_a_document_without_a_result_has_no_value_right() -> None:
    """Not even one that is absent from the document."""
    case = Case(Path("a.pdf"), Truth({"policy": "P-1", "claim": None}, {}))
    found = _figures(score(EXTRACTION, case, None))
    assert (found["recall"], found["accuracy"], found["precision"]) == (0.0, 0.0, None)


def test_fields_that_the_task_does_not_ask_for_are_left_out_and_named() -> None:
    """Neither for it nor against it."""
    truth = {"policy": "P-1", "colour": "red"}
    found = _score(EXTRACTION, {"policy": "P-1"}, truth)
    assert [value.field for value in found.values] == ["/policy"]
    assert not_asked(Truth(truth, {}), EXTRACTION.output_schema) == {"/colour"}
    rows = Truth({"rows": [{"claim": "A", "colour": "red"}]}, {})
    assert not_asked(rows, LIST.output_schema) == {"/rows/*/colour"}


def test_a_missing_row_and_a_wrong_value_cost_a_row_each() -> None:
    """Rows are paired by what is right in them."""
    truth = [{"claim": c, "paid": "1"} for c in "ABCD"]
    given_rows = [{"claim": "A", "paid": "1"}, {"claim": "C", "paid": "2"}, truth[3]]
    document = _score(LIST, {"rows": given_rows}, {"rows": truth})
    assert (document.rows, document.rows_given, document.rows_right) == (4, 3, 2)
    found = _figures(document)
    assert (found["row_precision"], found["row_recall"]) == (pytest.approx(2 / 3), 0.5)
    assert found["recall"] == 5 / 8


@settings(max_examples=15)
@given(ROWS, ROWS)
def test_counts_of_rows_add_up(given_rows: list[dict[str, str]], truth: list[Any]) -> None:
    """The counts add up for few and many documents, and for any answers."""
    one = _score(LIST, {"rows": given_rows}, {"rows": truth})
    assert one.rows_right is not None
    assert one.rows_right <= min(len(given_rows), len(truth))
    few, many = _report(one), _report(*[one] * 8)
    for name in ("row_precision", "row_recall", "precision", "recall"):
        assert few.figures[name].value == many.figures[name].value
    assert few.figures["row_precision"].count == len(given_rows)
    assert few.figures["row_recall"].count == len(truth)
    assert few.figures["precision"].count == 2 * len(given_rows)
    assert few.figures["recall"].count == 2 * len(truth)


@given(ROWS)
def test_a_list_that_is_the_truth_is_complete(rows: list[Any]) -> None:
    """Repeated rows, too."""
    document = _score(LIST, {"rows": rows}, {"rows": rows})
    assert document.is_complete
    assert document.rows_right == len(rows)


def test_evidence_counts_where_the_truth_names_pages() -> None:
    """A right value on another page, and a wrong one that is marked."""
    places = {"/policy": (2,), "/paid": (1, 3)}
    evidence = {
        "/policy": Evidence(page=1, start=0, end=3, quote="P-1", match=Match.EXACT),
        "/paid": Evidence(page=3, start=0, end=3, quote="100", match=Match.EXACT),
        "/claim": Evidence(match=Match.UNGROUNDED),
    }
    data = {"policy": "P-1", "paid": "100", "claim": "C-9"}
    truth = {"policy": "P-1", "paid": "100", "claim": "C-1"}
    found = _figures(_score(EXTRACTION, data, truth, places, evidence=evidence))
    assert (found["evidence_precision"], found["evidence_recall"]) == (0.5, 0.5)
    assert found["wrong_ungrounded"] == 1.0


def test_evidence_of_a_row_is_held_against_its_partner_in_the_truth() -> None:
    """A missed row before it does not shift the pages."""
    truth = [{"claim": "A"}, {"claim": "B"}]
    places = {"/rows/0/claim": (1,), "/rows/1/claim": (2,)}
    evidence = {"/rows/0/claim": Evidence(page=2, start=0, end=1, quote="B", match=Match.EXACT)}
    document = _score(
        LIST, {"rows": [{"claim": "B"}]}, {"rows": truth}, places, evidence=evidence,
        confidence={"/rows/0/claim": 0.75},
    )  # fmt: skip
    assert _figures(document)["evidence_recall"] == 1.0
    assert [value.confidence for value in document.values if value.row == 1] == [0.75]


def test_a_figure_of_many_documents_has_an_interval_that_holds_it() -> None:
    """And one that is all or nothing has Wilson's."""
    good, bad = ({"policy": "P-1", "paid": paid} for paid in ("100", "99"))
    documents = [
        _score(EXTRACTION, bad if n % 3 == 0 else good, {"policy": "P-1", "paid": "100"})
        for n in range(12)
    ]
    found = _report(*documents)
    recall, policy = found.figures["recall"], found.fields["/policy"]["recall"]
    assert recall.low is not None
    assert recall.value is not None
    assert recall.high is not None
    assert recall.low < recall.value < recall.high
    assert policy.value == policy.high == 1.0
    assert policy.low == pytest.approx(0.757, abs=1e-3)


def test_two_runs_are_compared_on_the_documents_of_both() -> None:
    """The same documents are drawn from both."""
    truth = {"policy": "P-1", "paid": "100"}

    def run(paid: str, count: int) -> Report:
        one = _score(EXTRACTION, {"policy": "P-1", "paid": paid}, truth)
        return _report(*[one.model_copy(update={"name": f"{n}.pdf"}) for n in range(count)])

    found = compare(run("100", 6), run("99", 4))
    assert (found["recall"].before, found["recall"].now) == (0.5, 1.0)
    assert found["recall"].change.count == 4
    assert (found["recall"].change.low, found["recall"].change.high) == (0.5, 0.5)
    assert found["complete_documents"].change.value == 1.0


def test_a_report_comes_back_from_json() -> None:
    """Another run reads it."""
    report = _report(_score(EXTRACTION, {"policy": "P-1"}, {"policy": "P-1", "paid": None}))
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_cells_are_the_leaves_with_null_and_with_rules() -> None:
    """A range of the truth is one value."""
    data = {"a/b": {"from": 1, "to": 2}, "c": [None, {"d": ""}], "e": True}
    assert cells(data) == {
        "/a~1b": {"from": 1, "to": 2}, "/c/0": None, "/c/1/d": "", "/e": True,
    }  # fmt: skip
