"""The exported JSON Schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemas.published import ACCEPTED, PUBLIC, public_schemas

EXPORTED = Path(__file__).parents[3] / "docs" / "schemas"


@pytest.mark.parametrize("name", PUBLIC)
def test_an_exported_schema_is_valid_and_in_step_with_the_code(name: str) -> None:
    """`make schemas` writes them again."""
    schema = json.loads((EXPORTED / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert public_schemas()[name] == schema


@pytest.mark.parametrize("name", PUBLIC)
def test_a_reader_may_meet_fields_that_it_does_not_know(name: str) -> None:
    """Messages that docfleet sends are open; those that it reads are closed."""
    is_closed = '"additionalProperties": false' in json.dumps(public_schemas()[name])
    assert is_closed == (name in ACCEPTED)


def test_nothing_is_exported_that_is_not_public() -> None:
    """A schema that was dropped from the contract does not stay behind."""
    assert {path.name for path in EXPORTED.iterdir()} == {f"{name}.schema.json" for name in PUBLIC}
