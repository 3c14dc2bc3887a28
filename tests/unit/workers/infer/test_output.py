"""From an engine's answer to valid data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.failure import FailureCode
from schemas.result import Usage
from workers.engine.protocol import EngineAnswer, TokenChoice
from workers.infer.confidence import value_confidence
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
    "text",
    [
        'a "quoted" word',
        "a\nline\tand\\",
        "\x01\x1f\x7f",
        "שלום \u202eabc\u202c",
        "😀 保険 Ñ",
        "\u2028",
    ],
)
@pytest.mark.parametrize("as_it_is", [False, True])
def test_any_text_survives(text: str, *, as_it_is: bool) -> None:
    """Escaped, or as a model wrote it where JSON would have it escaped."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    written = json.dumps({"a": text}, ensure_ascii=False)
    if as_it_is:
        for escape in ("\\n", "\\t", "\\u0001", "\\u001f"):
            written = written.replace(escape, json.loads(f'"{escape}"'))
    tokens = tuple(TokenChoice(one, -0.5) for one in written)
    assert parse_output(EngineAnswer(written, "stop", Usage()), schema) == {"a": text}
    assert value_confidence(written, tokens).keys() == {"/a"}


def test_an_answer_that_was_cut_off_is_no_success_though_it_may_be_valid() -> None:
    """The finish reason decides: what is missing cannot be seen in what is there."""
    cut = EngineAnswer('{"score":7}', "length", Usage(output_tokens=5))
    with pytest.raises(OutputError, match="cut off after 5 tokens") as caught:
        parse_output(cut, SCHEMA)
    assert caught.value.raw_output == '{"score":7}'


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
