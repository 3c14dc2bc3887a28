"""Errors as OpenAI's clients know them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

from schemas.contract import Contract
from schemas.failure import Failure, FailureCode

_STATUS = {
    FailureCode.REQUEST_INVALID: HTTPStatus.BAD_REQUEST,
    FailureCode.ENGINE_REFUSED: HTTPStatus.BAD_REQUEST,
    FailureCode.DOCUMENT_TOO_LONG: HTTPStatus.BAD_REQUEST,
    FailureCode.REQUEST_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
}


class OpenAiErrorDetail(Contract):
    """Details of an error."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None = None
    code: str | None = None


class OpenAiErrorBody(Contract):
    """The body of an answer that is an error."""

    error: OpenAiErrorDetail


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
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    detail = OpenAiErrorDetail(
        message=message,
        type="server_error" if is_ours else "invalid_request_error",
        param=param,
        code=code,
    )
    return OpenAiErrorBody(error=detail).model_dump()


def failure_answer(failure: Failure) -> tuple[int, dict[str, Any]]:
    """Status and body that tell of a job's failure; the failure's code is the error's."""
    status = _STATUS.get(failure.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    return status, error_body(status, failure.message, code=failure.code)
