"""Conversion of an engine's answer to data that is valid against the task's schema. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from schemas.failure import FailureCode
from schemas.json_schema.pointer import pointer
from schemas.json_schema.validator import EndlessValidationError, answer_validator
from workers.engine.protocol import EngineAnswer
from workers.errors import StageError


class OutputError(StageError):
    """An unusable answer; it is kept so that a person can look at it.

    Attributes:
        raw_output: The answer.
        complaint: Its error in words that may quote it: for the model only.
    """

    def __init__(
        self, code: FailureCode, message: str, raw_output: str, complaint: str | None = None
    ) -> None:
        super().__init__(code, message)
        self.raw_output = raw_output
        self.complaint = complaint or message


def parse_output(answer: EngineAnswer, schema: Mapping[str, Any]) -> Any:
    """Return the answer's data.

    Args:
        answer: The engine's answer.
        schema: The task's output schema.

    Raises:
        OutputError: The answer is cut off, no JSON, or not valid. The message names the place in
            the schema and quotes nothing: failures appear in events and logs, and the answer comes
            from a document.
    """
    if answer.finish_reason == "length":
        raise OutputError(
            FailureCode.OUTPUT_TRUNCATED,
            f"The answer was cut off after {answer.usage.output_tokens} tokens.",
            answer.text,
        )
    try:
        # A control character that the model wrote as it is belongs to the value.
        data = json.loads(answer.text, strict=False)
    except (ValueError, RecursionError) as error:  # also for a number with thousands of digits
        raise OutputError(
            FailureCode.OUTPUT_INVALID, f"The answer is no JSON: {error}.", answer.text
        ) from error
    try:
        problem = next(answer_validator(schema).iter_errors(data), None)
    except (EndlessValidationError, RecursionError) as error:
        words = f"The answer cannot be validated: {error}."
        raise OutputError(FailureCode.OUTPUT_INVALID, words, answer.text) from error
    if problem is not None:
        raise OutputError(
            FailureCode.OUTPUT_INVALID,
            f"The answer is not valid by {pointer(problem.absolute_schema_path)} of its schema.",
            answer.text,
            complaint=f"{pointer(problem.absolute_path)}: {problem.message}.",
        )
    return data
