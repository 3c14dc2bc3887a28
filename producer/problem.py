"""Problems: errors of the HTTP API as RFC 9457 has them, `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from ledger.errors import (
    CursorError,
    DeliveryOpenError,
    EndpointChangedError,
    EndpointDisabledError,
    IdempotencyError,
    LedgerError,
    LedgerFullError,
    NotDeadError,
    SecretBoxError,
    TenantQuotaError,
    TooManyEndpointsError,
)
from producer.drain import Drain
from producer.errors import (
    ClosedJobError,
    DocumentTooLargeError,
    ForbiddenError,
    JobStateError,
    NoResultError,
    RequestError,
    TaskNotFoundError,
    UnauthorizedError,
    UnknownApiKeyError,
    UnknownDeadLetterError,
    UnknownDeliveryError,
    UnknownEndpointError,
    UnknownJobError,
    UnknownPoolError,
    UnknownTaskError,
)
from schemas.failure import Failure
from schemas.states import JobState
from storage.errors import StorageError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class ProblemType(StrEnum):
    """What went wrong, as a stable name; stands in `type` after `urn:docfleet:problem:`."""

    UNAUTHORIZED = "unauthorized"
    """No bearer key, or a wrong one."""
    FORBIDDEN = "forbidden"
    """The key does not allow it: it lacks the scope, or is another tenant's."""
    INVALID_REQUEST = "invalid-request"
    """The request's form is not right; `errors` says where."""
    UNKNOWN_TASK = "unknown-task"
    """A task is asked for that has no file."""
    UNKNOWN_POOL = "unknown-pool"
    """A pool is asked for that the fleet's file does not have."""
    IDEMPOTENCY_CONFLICT = "idempotency-conflict"
    """The Idempotency-Key was used before, for another request."""
    BODY_TOO_LARGE = "body-too-large"
    """The body has more bytes than a document may have."""
    UNKNOWN_JOB = "unknown-job"
    """There is no job of this id."""
    UNKNOWN_DEAD_LETTER = "unknown-dead-letter"
    """There is no dead letter of this id."""
    UNKNOWN_KEY = "unknown-key"
    """There is no key of this id."""
    NOT_DEAD = "not-dead"
    """The record is there and is no dead letter; `state` says what it is."""
    UNKNOWN_ENDPOINT = "unknown-endpoint"
    """There is no endpoint of this id."""
    UNKNOWN_DELIVERY = "unknown-delivery"
    """There is no delivery of this id."""
    ENDPOINT_DISABLED = "endpoint-disabled"
    """The endpoint takes nothing until it is enabled."""
    ENDPOINT_CHANGED = "endpoint-changed"
    """Somebody else changed the endpoint meanwhile: read it and try again."""
    TOO_MANY_ENDPOINTS = "too-many-endpoints"
    """The tenant has as many endpoints as it may have."""
    DELIVERY_OPEN = "delivery-open"
    """The delivery is about to be sent anyway."""
    NO_ENCRYPTION_KEY = "no-encryption-key"
    """The operator has to set DOCFLEET_ENCRYPTION_KEYS before endpoints can be used."""
    NO_RESULT = "no-result"
    """The job has no result, or none yet; `state` says which."""
    JOB_CLOSED = "job-closed"
    """The job has ended and cannot be cancelled any more."""
    TENANT_QUOTA = "tenant-quota"
    """The tenant has as many jobs in line as its quota allows: try again later."""
    BACKLOG_FULL = "backlog-full"
    """Redis has no memory left for another job: try again later."""
    LEDGER_UNAVAILABLE = "ledger-unavailable"
    """Redis does not answer: try again."""
    STORAGE_UNAVAILABLE = "storage-unavailable"
    """The object store does not answer as it should: try again."""
    DEFECT = "defect"
    """docfleet met an error that it has no name for; the log has the rest."""
    HTTP = "http"
    """Nothing more than the status says."""


class PlaceError(BaseModel):
    """One thing that is not right in a request."""

    place: str = Field(examples=["body.tasks"])
    message: str


class Problem(BaseModel):
    """The body of every answer with a status from 400 on."""

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


_BY_ERROR: dict[type[Exception], tuple[ProblemType, HTTPStatus]] = {
    UnknownTaskError: (ProblemType.UNKNOWN_TASK, HTTPStatus.UNPROCESSABLE_ENTITY),
    UnknownPoolError: (ProblemType.UNKNOWN_POOL, HTTPStatus.UNPROCESSABLE_ENTITY),
    CursorError: (ProblemType.INVALID_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
    RequestError: (ProblemType.INVALID_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
    IdempotencyError: (ProblemType.IDEMPOTENCY_CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    UnauthorizedError: (ProblemType.UNAUTHORIZED, HTTPStatus.UNAUTHORIZED),
    ForbiddenError: (ProblemType.FORBIDDEN, HTTPStatus.FORBIDDEN),
    DocumentTooLargeError: (ProblemType.BODY_TOO_LARGE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    UnknownApiKeyError: (ProblemType.UNKNOWN_KEY, HTTPStatus.NOT_FOUND),
    TaskNotFoundError: (ProblemType.UNKNOWN_TASK, HTTPStatus.NOT_FOUND),
    UnknownJobError: (ProblemType.UNKNOWN_JOB, HTTPStatus.NOT_FOUND),
    UnknownDeadLetterError: (ProblemType.UNKNOWN_DEAD_LETTER, HTTPStatus.NOT_FOUND),
    NotDeadError: (ProblemType.NOT_DEAD, HTTPStatus.CONFLICT),
    UnknownEndpointError: (ProblemType.UNKNOWN_ENDPOINT, HTTPStatus.NOT_FOUND),
    UnknownDeliveryError: (ProblemType.UNKNOWN_DELIVERY, HTTPStatus.NOT_FOUND),
    EndpointDisabledError: (ProblemType.ENDPOINT_DISABLED, HTTPStatus.CONFLICT),
    EndpointChangedError: (ProblemType.ENDPOINT_CHANGED, HTTPStatus.CONFLICT),
    TooManyEndpointsError: (ProblemType.TOO_MANY_ENDPOINTS, HTTPStatus.CONFLICT),
    DeliveryOpenError: (ProblemType.DELIVERY_OPEN, HTTPStatus.CONFLICT),
    SecretBoxError: (ProblemType.NO_ENCRYPTION_KEY, HTTPStatus.SERVICE_UNAVAILABLE),
    NoResultError: (ProblemType.NO_RESULT, HTTPStatus.NOT_FOUND),
    ClosedJobError: (ProblemType.JOB_CLOSED, HTTPStatus.CONFLICT),
    TenantQuotaError: (ProblemType.TENANT_QUOTA, HTTPStatus.TOO_MANY_REQUESTS),
    LedgerFullError: (ProblemType.BACKLOG_FULL, HTTPStatus.SERVICE_UNAVAILABLE),
    LedgerError: (ProblemType.LEDGER_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE),
    StorageError: (ProblemType.STORAGE_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE),
}
"""For each error, its answer; a subclass stands before its base."""
_BY_STATUS: dict[int, ProblemType] = {
    HTTPStatus.BAD_REQUEST: ProblemType.INVALID_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ProblemType.BODY_TOO_LARGE,
}
"""For each status that others raise, what it is; the rest are nothing more than they say."""
_COME_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def problem_response(
    problem_type: ProblemType,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """An answer that says what went wrong.

    Args:
        problem_type: Its stable name.
        status: HTTP status.
        detail: What happened this time, in one sentence.
        headers: More headers.
        members: The problem's other members.
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
    """What OpenAPI is to say of the answers that are problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status.value: {"description": status.phrase, "content": content} for status in statuses}


def component_schemas(*models: type[BaseModel]) -> dict[str, Any]:
    """Schemas by name, for what OpenAPI says by hand; that of a problem is among them."""
    components: dict[str, Any] = {}
    every: tuple[type[BaseModel], ...] = (Problem, *models)
    for model in every:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components |= {**schema.pop("$defs", {}), model.__name__: schema}
    return components


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    for error in _BY_ERROR:
        app.add_exception_handler(error, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)


def known_error(error: Exception) -> tuple[ProblemType, HTTPStatus] | None:
    """What one of our own errors is called, and its status; None for somebody else's."""
    return next((answer for kind, answer in _BY_ERROR.items() if isinstance(error, kind)), None)


def error_headers(error: Exception, status: HTTPStatus, drain: Drain | None) -> dict[str, str]:
    """What an answer tells beside its body.

    Args:
        error: What was raised.
        status: HTTP status of the answer.
        drain: Knows when a full line is worth another try; None before anything is known.
    """
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status not in _COME_AGAIN:
        return {}
    if drain is not None and isinstance(error, (LedgerFullError, TenantQuotaError)):
        return {"Retry-After": str(drain.retry_after())}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def error_response(error: Exception, drain: Drain | None = None) -> JSONResponse:
    """The answer that belongs to one of our own errors.

    Args:
        error: What was raised.
        drain: See `error_headers`.

    Raises:
        ValueError: It is somebody else's error.
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
    errors = [PlaceError(place=".".join(map(str, one["loc"])), message=one["msg"]) for one in found]
    return problem_response(
        ProblemType.INVALID_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(f"{one.place}: {one.message}" for one in errors),
        errors=errors,
    )


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
    """What the answer to an error of the router tells beside its body."""
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return headers


def _methods(request: Request) -> set[str]:
    """All methods of a path; the router tells only those of the first route that fits."""
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
