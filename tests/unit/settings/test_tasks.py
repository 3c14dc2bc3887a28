"""The shipped tasks, and the sample documents with their truth."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from demo.make_documents import FOLDER, document_bytes, load_documents
from schemas.json_schema.validator import answer_validator
from schemas.task import Task, TaskKind
from settings.fleet import load_settings
from settings.sections.tasks import load_tasks, task_files

ROOT = Path(__file__).parents[3]
SETTINGS = load_settings(ROOT / "fleet.toml")
TASKS = load_tasks(ROOT / "tasks")
DOCUMENTS = {document["path"]: document for document in load_documents()}


def longest(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> int:
    """The most characters of a compact answer without escapes; KeyError if it has no bound."""
    match schema:
        case {"$ref": ref}:
            most = longest(defs[ref.removeprefix("#/$defs/")], defs)
        case {"anyOf": choices}:
            most = max(longest(choice, defs) for choice in choices)
        case {"properties": properties}:
            most = 1 + sum(len(name) + 4 + longest(properties[name], defs) for name in properties)
        case {"enum": values}:
            most = max(len(json.dumps(value)) for value in values)
        case {"type": "integer"}:
            most = max(len(str(schema["minimum"])), len(str(schema["maximum"])))
        case {"type": "null"}:
            most = len("null")
        case _:
            most = schema["maxLength"] + 2
    return most


def page_text(path: str) -> str:
    """All pages of a sample document as one line."""
    data = (FOLDER / path).read_bytes()
    if not path.endswith(".pdf"):
        return " ".join(data.decode().split())
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(data)]
    return " ".join("\n".join(pages).split())


def printed(expected: Any) -> list[str]:
    """The texts of which one must stand in the document, or none where there is no such text."""
    match expected:
        case {"mentions": words}:
            return list(words)
        case dict() | None:
            return []
        case int() | float():
            return [f"${expected:,.2f}", f"${expected:,.0f}"]
        case str() if re.fullmatch(r"\d{4}-\d{2}-\d{2}", expected):
            return [date.fromisoformat(expected).strftime("%m/%d/%Y")]
        case _:
            return [str(expected)]


INDICATORS = {name for name in TASKS if name.startswith("call-") and name != "call-score"}


def test_the_shipped_tasks_load_under_their_names() -> None:
    """Seven tasks, of five kinds, and the indicators of calls."""
    assert len(INDICATORS) >= 12
    assert {TASKS[name].kind for name in INDICATORS} == {TaskKind.SCORING}
    assert {name: task.kind for name, task in TASKS.items() if name not in INDICATORS} == {
        "fnol": TaskKind.EXTRACTION,
        "policy-declarations": TaskKind.EXTRACTION,
        "medical-bill": TaskKind.EXTRACTION,
        "document-class": TaskKind.CLASSIFICATION,
        "summary": TaskKind.SUMMARIZATION,
        "call-score": TaskKind.SCORING,
        "loss-run": TaskKind.LIST,
    }


@pytest.mark.parametrize("name", TASKS)
def test_a_task_file_is_named_for_its_task(name: str) -> None:
    """A task's name leads to its file."""
    folder = ROOT / "tasks" / ("indicators" if name in INDICATORS else "")
    assert (folder / f"{name}.yaml").is_file()


@pytest.mark.parametrize("path", task_files(ROOT / "tasks"), ids=lambda path: path.stem)
def test_a_task_file_is_valid_by_the_published_schema(path: Path) -> None:
    """An editor that knows the schema marks nothing in it."""
    published = json.loads((ROOT / "docs" / "schemas" / "task.schema.json").read_text())
    Draft202012Validator(published).validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("name", TASKS)
def test_each_field_is_required_and_no_other_is_allowed(name: str) -> None:
    """A result always has the same shape."""
    schema = TASKS[name].output_schema
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "name", [name for name, task in TASKS.items() if task.kind is TaskKind.EXTRACTION]
)
def test_any_value_may_be_absent_and_has_the_form_that_the_document_gives_it(name: str) -> None:
    """Null takes the place of an invention, and no pattern refuses another carrier's numbers."""
    schema = TASKS[name].output_schema
    validator = answer_validator(schema)
    assert validator.is_valid(dict.fromkeys(schema["properties"]))
    written = ["HO 3462975", "14-0636043", "4471", "USD 1.250,00", "3 de mayo de 2026"]
    for field, definition in schema["properties"].items():
        if "enum" not in definition:
            for text in written:
                assert validator.is_valid(dict.fromkeys(schema["properties"]) | {field: text})


@pytest.mark.parametrize("name", sorted(TASKS.keys() - {"loss-run"}))
def test_the_longest_answer_fits_the_output_budget(name: str) -> None:
    """Even at one token a character, which plain text never exceeds."""
    schema = TASKS[name].output_schema
    assert longest(schema, schema.get("$defs", {})) <= TASKS[name].limits.max_output_tokens


def test_the_rules_name_only_shipped_tasks() -> None:
    """A drop can never ask for a task that is not there."""
    assert SETTINGS.rules
    assert {name for rule in SETTINGS.rules for name in rule.tasks} <= TASKS.keys()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_each_task_that_the_rules_run_on_a_sample_has_its_truth(path: str) -> None:
    """Nothing that the demo runs goes unjudged."""
    rule = next(rule for rule in SETTINGS.rules if path.startswith(rule.prefix))
    assert set(rule.tasks) <= DOCUMENTS[path]["truth"].keys()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_truth_names_fields_of_the_tasks_schemas(path: str) -> None:
    """A renamed field cannot leave its truth behind."""
    for task, fields in DOCUMENTS[path]["truth"].items():
        assert fields.keys() <= TASKS[task].output_schema["properties"].keys()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_what_the_truth_expects_stands_in_the_document(path: str) -> None:
    """A reader of the document can find each value; a label is the reader's own word."""
    text = page_text(path).casefold()
    for task, fields in DOCUMENTS[path]["truth"].items():
        if TASKS[task].kind is TaskKind.CLASSIFICATION:
            continue
        for field, expected in fields.items():
            forms = [" ".join(form.split()).casefold() for form in printed(expected)]
            assert not forms or any(form in text for form in forms), f"{task}: {field}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_class_of_each_sample_is_one_of_the_tasks_labels(path: str) -> None:
    """A label that the task cannot give could never be right."""
    labels = TASKS["document-class"].output_schema["properties"]["kind"]["enum"]
    assert DOCUMENTS[path]["truth"]["document-class"]["kind"] in labels


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_sample_is_what_its_content_makes(path: str) -> None:
    """The committed file is the one that make_documents.py writes, and it is small."""
    committed = (FOLDER / path).read_bytes()
    assert committed == document_bytes(DOCUMENTS[path])
    assert len(committed) < 10_000


def test_no_sample_lies_there_without_content_and_truth() -> None:
    """Each file comes from documents.yaml."""
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert files == DOCUMENTS.keys()


@pytest.mark.parametrize(
    "points", [((0.5, 0.2), (0.4, 0.3)), ((0.2, 0.5), (0.4, 0.3)), ((0.2, 0.5), (1.4, 0.6))]
)
def test_a_curve_of_confidence_that_does_not_rise_is_refused(points: tuple[object, ...]) -> None:
    """More confidence never means fewer right values."""
    task = TASKS["fnol"].model_dump(mode="json")
    with pytest.raises(ValidationError, match="points rise"):
        Task.model_validate(task | {"calibration": points})
