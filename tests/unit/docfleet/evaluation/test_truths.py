"""Folders of documents and truths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.document import TEXT, make_document
from corpus.part import Part
from docfleet.errors import BadUsageError
from docfleet.evaluation.truths import find_cases, parse_truth
from settings.sections.tasks import load_tasks

TASKS = load_tasks(Path("tasks"))


def _write(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)


def test_a_truth_belongs_to_the_document_of_its_name(tmp_path: Path) -> None:
    """Documents without a truth, and truths without a document, are left out."""
    for name in ("a.pdf", "b.txt", "c.txt"):
        _write(tmp_path / "documents", name, "x")
    for name in ("a.json", "c.txt.json", "d.json"):
        _write(tmp_path / "truth", name, {"claim_number": name})
    found = find_cases(tmp_path / "documents", tmp_path / "truth", TASKS["fnol"])
    assert [(case.path.name, case.truth.data["claim_number"]) for case in found] == [
        ("a.pdf", "a.json"),
        ("c.txt", "c.txt.json"),
    ]


def test_documents_and_truths_may_share_a_folder(tmp_path: Path) -> None:
    """A truth is no document then."""
    _write(tmp_path, "a.txt", "x")
    _write(tmp_path, "a.json", {})
    found = find_cases(tmp_path, tmp_path, TASKS["fnol"])
    assert [case.path.name for case in found] == ["a.txt"]


def test_a_truth_of_several_tasks_tells_of_each_with_its_places() -> None:
    """The corpus writes such files."""
    truth = make_document(Part.TRAIN, "fnol", 0, TEXT).truth
    found = parse_truth(truth, TASKS["fnol"])
    assert found is not None
    assert found.places["/policy_number"] == (1,)
    label = parse_truth(truth, TASKS["document-class"])
    assert label is not None
    assert (label.data, label.places) == ({"kind": "fnol"}, {})
    assert parse_truth(truth, TASKS["medical-bill"]) is None


def test_a_list_of_rows_is_the_truth_of_a_list() -> None:
    """Benchmarks have truths in this form."""
    found = parse_truth([{"claim_number": "A"}], TASKS["loss-run"])
    assert found is not None
    assert found.data == {"rows": [{"claim_number": "A"}]}


@pytest.mark.parametrize(
    ("task", "content"),
    [("fnol", []), ("fnol", "7"), ("loss-run", {}), ("loss-run", "{"), ("fnol", "{")],
)
def test_what_is_no_truth_is_named(tmp_path: Path, task: str, content: Any) -> None:
    """With its file."""
    _write(tmp_path, "a.txt", "x")
    _write(tmp_path, "a.json", content)
    with pytest.raises(BadUsageError, match=r"a\.json is no truth"):
        find_cases(tmp_path, tmp_path, TASKS[task])


def test_no_folder_and_no_pair_are_errors(tmp_path: Path) -> None:
    """They say what is missing."""
    with pytest.raises(BadUsageError, match="is no folder"):
        find_cases(tmp_path / "none", tmp_path, TASKS["fnol"])
    with pytest.raises(BadUsageError, match=r"claim-7\.json"):
        find_cases(tmp_path, tmp_path, TASKS["fnol"])
