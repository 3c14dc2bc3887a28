"""Bounds of an answer: what a schema leaves open gets an end, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.json_schema.guidable import check_guidable
from settings.sections.tasks import load_tasks
from workers.infer.bounds import Bounds, bounded

TABLE = "\n".join(f"HM-{number} 2026-05-03 $1,200.00 hail" for number in range(30))


def _bounded(schema: Any, text: str = TABLE, tokens: int = 500) -> Any:
    whole = {"type": "object", "properties": {"x": schema}, "$defs": {"row": _ROW}}
    check_guidable(whole)
    found = bounded(whole, Bounds.of(text, tokens=tokens))
    check_guidable(found)
    return found["properties"]["x"]


_ROW = {
    "type": "object",
    "properties": {name: {"type": "string", "maxLength": 9} for name in "abc"},
    "required": ["a", "b", "c"],
}


@pytest.mark.parametrize(
    ("schema", "more"),
    [
        ({"type": "string"}, {"maxLength": 500}),
        ({"type": ["string", "null"], "minLength": 600}, {"maxLength": 600}),
        ({"type": "string", "maxLength": 9000}, {}),
        ({"type": "string", "pattern": "^a$"}, {}),
        ({"type": "string", "format": "date"}, {}),
        ({"enum": ["a"]}, {}),
        ({"type": "integer"}, {}),
        ({"type": "array", "items": {"type": "integer"}}, {"maxItems": 128}),
        ({"type": "array", "items": {"$ref": "#/$defs/row"}}, {"maxItems": 32}),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 999}, {"maxItems": 999}),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 3}, {}),
    ],
)
def test_what_is_open_gets_an_end_and_what_has_one_keeps_it(
    schema: dict[str, Any], more: dict[str, Any]
) -> None:
    """Strings by the tokens of the answer, rows by the lines of the text, other items by words."""
    assert _bounded(schema) == {**schema, **more}


def test_schemas_inside_others_are_bounded_and_values_are_left_alone() -> None:
    """Properties, items, alternatives and maps; not what a constant or an enum lists."""
    open_string = {"type": "string"}
    inner = {"type": "object", "properties": {"a": open_string, "b": {"const": open_string}}}
    found = _bounded({"anyOf": [{"type": "array", "items": inner, "maxItems": 2}, open_string]})
    first, second = found["anyOf"]
    assert first["items"]["properties"] == {
        "a": {"type": "string", "maxLength": 500},
        "b": {"const": open_string},
    }
    assert second == {"type": "string", "maxLength": 500}
    free = _bounded({"type": "object", "additionalProperties": open_string})
    assert free["additionalProperties"] == {"type": "string", "maxLength": 500}


@pytest.mark.parametrize("text", ["", "one line of some words " * 40, TABLE, TABLE * 40])
def test_a_text_has_room_for_all_of_its_rows(text: str) -> None:
    """However it is laid out; and bounds come in few sizes."""
    bounds = Bounds.of(text, tokens=10)
    rows = sum(1 for line in text.splitlines() if line.strip())
    assert bounds.items(_ROW) >= max(rows, 8)
    assert bounds.items({"type": "string"}) >= len(text.split())
    assert bounds.items(_ROW).bit_count() == 1


def test_shipped_tasks_stay_guidable_when_they_are_bounded() -> None:
    """Whatever a document is like."""
    for task in load_tasks(Path(__file__).parents[4] / "tasks").values():
        check_guidable(bounded(task.output_schema, Bounds.of(TABLE, tokens=500)))
