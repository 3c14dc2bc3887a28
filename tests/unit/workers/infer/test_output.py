"""From an engine's answer to valid data."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.failure import FailureCode
from schemas.result import Usage
from workers.engine.protocol import EngineAnswer
from workers.infer.output import OutputError, parse_output

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "maximum": 10}},
    "required": ["score"],
}


def test_a_valid_answer_becomes_data() -> None:
    """Complete and valid JSON comes back as values."""
    assert parse_output(EngineAnswer('{"score":7}', "stop", Usage()), SCHEMA) == {"score": 7}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            EngineAnswer('{"sco', "length", Usage(output_tokens=3)),
            FailureCode.OUTPUT_TRUNCATED,
            "3 tokens",
        ),
        (EngineAnswer('{"sco', "stop", Usage()), FailureCode.OUTPUT_INVALID, "no JSON"),
        (EngineAnswer("", "stop", Usage()), FailureCode.OUTPUT_INVALID, "no JSON"),
        (
            EngineAnswer('{"score":11}', "stop", Usage()),
            FailureCode.OUTPUT_INVALID,
            "#/properties/score/maximum",
        ),
        (EngineAnswer("{}", "stop", Usage()), FailureCode.OUTPUT_INVALID, "#/required"),
    ],
)
def test_an_unusable_answer_is_a_failure_that_keeps_the_answer(
    answer: EngineAnswer, code: FailureCode, said: str
) -> None:
    """The paid-for answer is kept, and the message names the place of the error."""
    with pytest.raises(OutputError, match=said) as caught:
        parse_output(answer, SCHEMA)
    assert caught.value.failure.code is code
    assert caught.value.raw_output == answer.text


_NAME = "PATIENT Jane Doe"


@pytest.mark.parametrize(
    ("schema", "text", "place"),
    [
        (
            {"properties": {"a": {"type": "string", "maxLength": 3}}},
            f'{{"a":"{_NAME}"}}',
            "#/properties/a/maxLength",
        ),
        ({"properties": {"a": {"pattern": "^x$"}}}, f'{{"a":"{_NAME}"}}', "#/properties/a/pattern"),
        (
            {"additionalProperties": {"type": "integer"}},
            f'{{"{_NAME}":"x"}}',
            "#/additionalProperties/type",
        ),
        ({"additionalProperties": False}, f'{{"{_NAME}":1}}', "#/additionalProperties"),
        ({}, f'{{"a":"{_NAME}', "no JSON"),
    ],
)
def test_a_failure_quotes_nothing_of_the_answer(
    schema: dict[str, Any], text: str, place: str
) -> None:
    """The failure appears in events and logs, and the answer's words come from the document."""
    with pytest.raises(OutputError, match=place) as caught:
        parse_output(EngineAnswer(text, "stop", Usage()), schema)
    assert "Jane" not in caught.value.failure.message
    assert "Jane" not in str(caught.value)
