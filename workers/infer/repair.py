"""Repair: another request after an unusable answer. Pure."""

from __future__ import annotations

from dataclasses import replace

from schemas.failure import FailureCode
from workers.engine.protocol import EngineRequest
from workers.infer.output import OutputError

_MOST_TOKENS = 32_768


def repaired(request: EngineRequest, error: OutputError, number: int) -> EngineRequest:
    """Return the next request: with more tokens after a cut, else with the error.

    Args:
        request: The first request.
        error: The error and the answer.
        number: Number of the repair, from 1.
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
