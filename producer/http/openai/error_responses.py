"""Errors of the OpenAI-compatible routes, in the form that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from producer.http.problem import error_headers, http_error_headers, place_of
from producer.http.problem_type import known_error
from producer.http.retry_after import BacklogRate
from producer.openai.errors import NO_RETRY, OpenAiError
from schemas.openai.error import error_body

log = structlog.get_logger(__name__)

OPENAI_PATHS = ("/v1/models", "/v1/chat/", "/v1/files", "/v1/batches")
"""Prefix of the routes."""


def add_openai_handler(app: FastAPI) -> None:
    """Give errors of unknown OpenAI paths the form that OpenAI's clients read.

    Args:
        app: The app, with its handler for all other errors.
    """
    others: Any = app.exception_handlers[HTTPException]

    async def on_http_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException) or not request.url.path.startswith(OPENAI_PATHS):
            answer: Response = await others(request, error)
            return answer
        headers = http_error_headers(request, error)
        return _json(error.status_code, str(error.detail), None, None, headers)

    app.add_exception_handler(HTTPException, on_http_error)


def openai_error_response(error: Exception, drain: BacklogRate | None = None) -> JSONResponse:
    """Return the answer for any error.

    Args:
        error: The error that was raised.
        drain: Knows when to retry after a full line; None before the first sample.
    """
    match error:
        case OpenAiError():
            return _json(error.status, str(error), error.code, error.param, error.headers)
        case RequestValidationError():
            place, words = _first_problem(error)
            return _json(HTTPStatus.BAD_REQUEST, f"`{place}`: {words}", "invalid_request", place)
        case HTTPException():
            return _json(error.status_code, str(error.detail), None, None, error.headers)
    if (known := known_error(error)) is not None:
        kind, status = known
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:  # a status that OpenAI does not use for this
            status = HTTPStatus.BAD_REQUEST
        headers = error_headers(error, status, drain)
        if (
            status == HTTPStatus.INSUFFICIENT_STORAGE
        ):  # until records are forgotten, which takes days
            headers = {**headers, **NO_RETRY}
        return _json(status, str(error), kind, None, headers)
    log.error("request failed", exc_info=error)
    words = "The log of the API says what it was."
    return _json(HTTPStatus.INTERNAL_SERVER_ERROR, words, "defect", None, NO_RETRY)


def _first_problem(error: RequestValidationError) -> tuple[str, str]:
    """Never the input itself: it is a customer's text."""
    problem = error.errors()[0]
    place = place_of(problem["loc"][1:] or problem["loc"][:1])
    return place, str(problem["msg"]).removeprefix("Value error, ")


def _json(
    status: int,
    message: str,
    code: str | None,
    param: str | None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = error_body(status, message, code=code, param=param)
    return JSONResponse(body, status_code=int(status), headers=dict(headers or {}))
