"""Asking again for an answer that could not be used. Pure."""

from __future__ import annotations

from dataclasses import replace

from schemas.failure import FailureCode
from workers.engine.protocol import EngineRequest
from workers.infer.output import OutputError

_MOST_TOKENS = 32_768


def repaired(request: EngineRequest, error: OutputError, number: int) -> EngineRequest:
    """The next request: with more room for an answer that was cut off, else with what was wrong.

    Args:
        request: What was asked.
        error: What is wrong with the answer, and the answer.
        number: Of the repair, from 1.
    """
    request_id = f"{request.request_id.partition('#')[0]}#{number}"
    if error.failure.code is FailureCode.OUTPUT_TRUNCATED:
        tokens = min((request.max_tokens or _MOST_TOKENS) * 2, _MOST_TOKENS)
        return replace(request, request_id=request_id, max_tokens=tokens)
    complaint = f"That answer cannot be used. {error.complaint} Give the whole answer again."
    messages = [
        *request.messages,
        {"role": "assistant", "content": error.raw_output},
        {"role": "user", "content": complaint},
    ]
    return replace(request, request_id=request_id, messages=messages)
