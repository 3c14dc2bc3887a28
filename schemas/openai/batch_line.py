"""One line of a batch's input file: a request to be made, and the name that its owner gave it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.contract import Contract


class BatchLine(Contract):
    """A line as OpenAI and vLLM's `run-batch` write it.

    A chat job's document is one such line.
    """

    custom_id: str = Field(min_length=1, max_length=512)
    method: str = "POST"
    url: str
    body: dict[str, Any]
