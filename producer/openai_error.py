"""Errors of the OpenAI-compatible routes: their shape, and the routes that give every error it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ledger.errors import LedgerError, TenantQuotaError
from producer.errors import ProducerError
from schemas.openai_error import error_body
from storage.errors import StorageError

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's clients would send the request again by themselves."""


class OpenAiError(ProducerError):
    """An answer that is an error.

    Attributes:
        status: HTTP status.
        code: Its stable name.
        param: The parameter concerned.
        headers: More headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = headers


def not_found(kind: str, record_id: str) -> OpenAiError:
    """There is none of this id."""
    return OpenAiError(
        HTTPStatus.NOT_FOUND, f"There is no {kind} {record_id!r}.", code=f"{kind}_not_found"
    )


class OpenAiRoute(APIRoute):
    """A route whose errors OpenAI's clients understand."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is answered here
                return _answer(error)

        return handler


def _answer(error: Exception) -> JSONResponse:
    match error:
        case OpenAiError():
            return _json(error.status, str(error), error.code, error.param, error.headers)
        case RequestValidationError():
            place, words = _first_problem(error)
            return _json(HTTPStatus.BAD_REQUEST, f"`{place}`: {words}", "invalid_request", place)
        case HTTPException():
            return _json(error.status_code, str(error.detail), None, None, error.headers)
        case TenantQuotaError():
            return _json(HTTPStatus.TOO_MANY_REQUESTS, str(error), "quota", None, _later())
        case LedgerError() | StorageError():
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, str(error), "unavailable", None, _later())
        case _:
            log.error("request failed", exc_info=error)
            words = "The log of the API says what it was."
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, words, "defect", None, NO_RETRY)


def _first_problem(error: RequestValidationError) -> tuple[str, str]:
    """Never the input itself, which is a customer's."""
    problem = error.errors()[0]
    place = ".".join(str(step) for step in problem["loc"][1:]) or str(problem["loc"][0])
    return place, str(problem["msg"]).removeprefix("Value error, ")


def _later() -> Mapping[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def _json(
    status: int,
    message: str,
    code: str | None,
    param: str | None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = error_body(status, message, code=code, param=param)
    return JSONResponse(body, status_code=int(status), headers=dict(headers or {}))
