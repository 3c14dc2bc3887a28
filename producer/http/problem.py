"""Problems: errors of the HTTP API in the form of RFC 9457, `application/problem+json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from ledger.errors import LedgerFullError, NotDeadError, TenantQuotaError
from producer.errors import JobStateError, TooManyAttemptsError
from producer.http.problem_type import ProblemType, error_types, known_error
from producer.http.retry_after import BacklogRate
from schemas.failure import Failure
from schemas.states import JobState

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
_MOST_ERRORS = 20
_PLACE_LENGTH = 128
_MESSAGE_LENGTH = 200


class PlaceError(BaseModel):
    """One fault in a request."""

    place: str = Field(examples=["body.tasks"])
    message: str


class Problem(BaseModel):
    """Body of every answer with a status of 400 or more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:docfleet:problem:no-result",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "job_6f0c2f1c5e0c4d0b8a7d9e3f has no result yet: it is running",
                    "state": "running",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    state: JobState | None = Field(default=None, description="Of the record concerned.")
    failure: Failure | None = Field(default=None, description="Of the job concerned.")
    errors: list[PlaceError] | None = None


_BY_STATUS: dict[int, ProblemType] = {
    HTTPStatus.BAD_REQUEST: ProblemType.INVALID_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ProblemType.BODY_TOO_LARGE,
}
"""Problem types of the statuses that other code raises; the rest have the general type."""
_COME_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def problem_response(
    problem_type: ProblemType,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """Return an answer that describes an error.

    Args:
        problem_type: Its stable name.
        status: HTTP status.
        detail: The event, in one sentence.
        headers: Further headers.
        members: Further members of the problem.
    """
    problem = Problem(
        type=f"urn:docfleet:problem:{problem_type}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        **members,
    )
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the answers that are problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status.value: {"description": status.phrase, "content": content} for status in statuses}


EVERYWHERE = documented(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Answers of every route that needs a key."""


def component_schemas(*models: type[BaseModel]) -> dict[str, Any]:
    """Return schemas by name for hand-written parts of OpenAPI, including that of a problem."""
    components: dict[str, Any] = {}
    every: tuple[type[BaseModel], ...] = (Problem, *models)
    for model in every:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components |= {**schema.pop("$defs", {}), model.__name__: schema}
    return components


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error of the app into a problem."""
    for error in error_types():
        app.add_exception_handler(error, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)


def error_headers(
    error: Exception, status: HTTPStatus, drain: BacklogRate | None
) -> dict[str, str]:
    """Return the headers of an error's answer.

    Args:
        error: The error that was raised.
        status: HTTP status of the answer.
        drain: Knows when to retry after a full line; None before the first sample.
    """
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status not in _COME_AGAIN:
        return {}
    if isinstance(error, TooManyAttemptsError):
        return {"Retry-After": str(ceil(error.wait_seconds))}
    if drain is not None and isinstance(error, (LedgerFullError, TenantQuotaError)):
        return {"Retry-After": str(drain.retry_after())}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def error_response(error: Exception, drain: BacklogRate | None = None) -> JSONResponse:
    """Return the answer for one of our own errors.

    Args:
        error: The error that was raised.
        drain: See `error_headers`.

    Raises:
        ValueError: The error is not one of ours.
    """
    if (known := known_error(error)) is None:
        raise ValueError(f"{type(error).__name__} is no error of docfleet's") from error
    problem_type, status = known
    members: dict[str, Any] = {}
    if isinstance(error, JobStateError):
        members = {"state": error.job.state, "failure": error.job.failure}
    elif isinstance(error, NotDeadError):
        members = {"state": error.state}
    headers = error_headers(error, status, drain)
    return problem_response(problem_type, status, str(error), headers=headers, **members)


async def _on_own_error(request: Request, error: Exception) -> JSONResponse:
    return error_response(error, request.app.state.drain)


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    # Never the input itself: it is a customer's document.
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    errors = [
        PlaceError(place=place_of(one["loc"]), message=one["msg"][:_MESSAGE_LENGTH])
        for one in found[:_MOST_ERRORS]
    ]
    return problem_response(
        ProblemType.INVALID_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(f"{one.place}: {one.message}" for one in errors),
        errors=errors,
    )


def place_of(steps: Iterable[str | int]) -> str:
    """Return the place of an error in a request; the sender chose its names and length."""
    place = ".".join(map(str, steps))
    return place if len(place) <= _PLACE_LENGTH else f"{place[:_PLACE_LENGTH]}..."


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    problem_type = _BY_STATUS.get(error.status_code, ProblemType.HTTP)
    status = error.status_code
    if status == HTTPStatus.BAD_REQUEST:  # FastAPI's word for bytes that are no JSON
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    headers = http_error_headers(request, error)
    return problem_response(problem_type, status, str(error.detail), headers=headers)


def http_error_headers(request: Request, error: HTTPException) -> dict[str, str]:
    """Return the headers of the answer to an error of the router."""
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return headers


def _methods(request: Request) -> set[str]:
    """Return all methods of a path; the router reports only those of the first matching route."""
    path = request.scope["path"]
    routes = [one for one in request.app.routes if isinstance(one, Route)]
    fitting = [one for one in routes if one.path == path] or [
        one for one in routes if one.matches(request.scope)[0] is not Match.NONE
    ]
    return {method for one in fitting for method in one.methods or ()}


async def _on_defect(_request: Request, _error: Exception) -> JSONResponse:
    return problem_response(
        ProblemType.DEFECT, HTTPStatus.INTERNAL_SERVER_ERROR, "the log of the API says what it was"
    )
