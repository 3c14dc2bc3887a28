"""Errors as OpenAI's clients know them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from schemas.failure import Failure, FailureCode

_STATUS = {
    FailureCode.REQUEST_INVALID: HTTPStatus.BAD_REQUEST,
    FailureCode.ENGINE_REFUSED: HTTPStatus.BAD_REQUEST,
    FailureCode.DOCUMENT_TOO_LONG: HTTPStatus.BAD_REQUEST,
    FailureCode.REQUEST_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
}


def error_body(
    status: int, message: str, *, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """The body of an answer that is an error.

    Args:
        status: HTTP status.
        message: What happened this time, in one sentence.
        code: Its stable name.
        param: The parameter concerned.
    """
    server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "server_error" if server_error else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def failure_answer(failure: Failure) -> tuple[int, dict[str, Any]]:
    """Status and body that tell of a job's failure; the failure's code is the error's."""
    status = _STATUS.get(failure.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    return status, error_body(status, failure.message, code=failure.code)
