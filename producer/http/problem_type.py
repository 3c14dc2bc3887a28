"""Types of problems: stable names for errors, and the error classes of each."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus

from ledger.errors import (
    AdapterRetiredError,
    AdapterTakenError,
    CursorError,
    DeliveryOpenError,
    EndpointChangedError,
    EndpointDisabledError,
    IdempotencyError,
    JobOpenError,
    LedgerError,
    LedgerFullError,
    NotDeadError,
    ReviewClosedError,
    ReviewTakenError,
    SecretBoxError,
    TenantQuotaError,
    TenantShareError,
    TooManyAdaptersError,
    TooManyEndpointsError,
    TooManyKeysError,
)
from producer.errors import (
    AdapterNotFoundError,
    AdapterRefusedError,
    ClosedJobError,
    DocumentTooLargeError,
    ForbiddenError,
    NoResultError,
    OperatorSignsError,
    OverloadedError,
    RequestError,
    TaskNotFoundError,
    TooManyAtOnceError,
    TooManyAttemptsError,
    UnauthorizedError,
    UnconfirmedError,
    UnknownAdapterError,
    UnknownApiKeyError,
    UnknownDeadLetterError,
    UnknownDeliveryError,
    UnknownDocumentError,
    UnknownEndpointError,
    UnknownJobError,
    UnknownPoolError,
    UnknownReviewError,
    UnknownTaskError,
    UnservedAdapterError,
)
from storage.errors import StorageError


class ProblemType(StrEnum):
    """Type of a problem, as a stable name; stands in `type` after `urn:docfleet:problem:`."""

    UNAUTHORIZED = "unauthorized"
    """No bearer key, or a wrong one."""
    TOO_MANY_ATTEMPTS = "too-many-attempts"
    """Too many invalid keys came from this address, or for this key."""
    FORBIDDEN = "forbidden"
    """The key lacks the scope, or belongs to another tenant."""
    INVALID_REQUEST = "invalid-request"
    """The request is not valid; `errors` names the places."""
    UNKNOWN_TASK = "unknown-task"
    """The request names a task that has no file."""
    UNKNOWN_POOL = "unknown-pool"
    """The request names a pool that the fleet's file does not have."""
    IDEMPOTENCY_CONFLICT = "idempotency-conflict"
    """The Idempotency-Key was used for another request."""
    BODY_TOO_LARGE = "body-too-large"
    """The body has more bytes than a document may have."""
    UNKNOWN_JOB = "unknown-job"
    """There is no job with this id."""
    JOB_OPEN = "job-open"
    """The job has not ended: cancel it, or wait."""
    UNKNOWN_REVIEW = "unknown-review"
    """There is no review of this job's result."""
    REVIEW_TAKEN = "review-taken"
    """Another reviewer holds the review: wait, or take another one."""
    REVIEW_CLOSED = "review-closed"
    """The review is completed."""
    UNKNOWN_DOCUMENT = "unknown-document"
    """The tenant has no such document."""
    UNKNOWN_DEAD_LETTER = "unknown-dead-letter"
    """There is no dead letter with this id."""
    UNKNOWN_KEY = "unknown-key"
    """There is no key with this id."""
    NOT_DEAD = "not-dead"
    """The record is no dead letter; `state` is its state."""
    UNKNOWN_ENDPOINT = "unknown-endpoint"
    """There is no endpoint with this id."""
    UNKNOWN_DELIVERY = "unknown-delivery"
    """There is no delivery with this id."""
    ENDPOINT_DISABLED = "endpoint-disabled"
    """The endpoint is disabled and receives nothing."""
    ENDPOINT_CHANGED = "endpoint-changed"
    """Somebody else changed the endpoint meanwhile: read it and try again."""
    TOO_MANY_ENDPOINTS = "too-many-endpoints"
    """The tenant has its maximum number of endpoints."""
    TOO_MANY_KEYS = "too-many-keys"
    """The tenant has its maximum number of keys."""
    OPERATOR_SIGNS = "operator-signs"
    """The default tenant signs with DOCFLEET_CALLBACK_SECRET, which the operator sets."""
    DELIVERY_OPEN = "delivery-open"
    """The delivery is about to be sent anyway."""
    UNCONFIRMED = "unconfirmed"
    """The request needs a confirmation; the detail states its consequences."""
    NO_ENCRYPTION_KEY = "no-encryption-key"
    """The operator has to set DOCFLEET_ENCRYPTION_KEYS before secrets can be made."""
    NO_RESULT = "no-result"
    """The job has no result, or none yet; `state` is its state."""
    JOB_CLOSED = "job-closed"
    """The job has ended and cannot be cancelled any more."""
    UNKNOWN_ADAPTER = "unknown-adapter"
    """The registry has no adapter with this name and version."""
    UNSERVED_ADAPTER = "unserved-adapter"
    """The adapter is retired, of another task, or of a base model that no pool serves."""
    INVALID_ADAPTER = "invalid-adapter"
    """The adapter is damaged, or does not run on the fleet's base models; nothing was added."""
    ADAPTER_CONFLICT = "adapter-conflict"
    """The name and version belong to another adapter, the adapter is retired, or there is no room
    for another one."""
    TENANT_SHARE = "tenant-share"
    """The tenant's records take their maximum memory in the ledger, until some are forgotten."""
    TENANT_QUOTA = "tenant-quota"
    """The tenant has its maximum number of jobs in line: try again later."""
    TOO_MANY_AT_ONCE = "too-many-at-once"
    """The tenant has its maximum number of such requests at once: try again later."""
    OVERLOADED = "overloaded"
    """The API has no room for another request of this kind: try again later."""
    BACKLOG_FULL = "backlog-full"
    """Redis has no memory left for another job: try again later."""
    LEDGER_UNAVAILABLE = "ledger-unavailable"
    """Redis does not answer: try again."""
    STORAGE_UNAVAILABLE = "storage-unavailable"
    """The object store does not answer correctly: try again."""
    DEFECT = "defect"
    """docfleet met an error without a type; the log has the details."""
    HTTP = "http"
    """No details beyond the status."""


_BY_ERROR: dict[type[Exception], tuple[ProblemType, HTTPStatus]] = {
    UnknownTaskError: (ProblemType.UNKNOWN_TASK, HTTPStatus.UNPROCESSABLE_ENTITY),
    UnknownAdapterError: (ProblemType.UNKNOWN_ADAPTER, HTTPStatus.UNPROCESSABLE_ENTITY),
    UnservedAdapterError: (ProblemType.UNSERVED_ADAPTER, HTTPStatus.UNPROCESSABLE_ENTITY),
    UnknownPoolError: (ProblemType.UNKNOWN_POOL, HTTPStatus.UNPROCESSABLE_ENTITY),
    CursorError: (ProblemType.INVALID_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
    RequestError: (ProblemType.INVALID_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
    IdempotencyError: (ProblemType.IDEMPOTENCY_CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    UnauthorizedError: (ProblemType.UNAUTHORIZED, HTTPStatus.UNAUTHORIZED),
    TooManyAttemptsError: (ProblemType.TOO_MANY_ATTEMPTS, HTTPStatus.TOO_MANY_REQUESTS),
    ForbiddenError: (ProblemType.FORBIDDEN, HTTPStatus.FORBIDDEN),
    DocumentTooLargeError: (ProblemType.BODY_TOO_LARGE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    UnknownApiKeyError: (ProblemType.UNKNOWN_KEY, HTTPStatus.NOT_FOUND),
    TaskNotFoundError: (ProblemType.UNKNOWN_TASK, HTTPStatus.NOT_FOUND),
    UnknownJobError: (ProblemType.UNKNOWN_JOB, HTTPStatus.NOT_FOUND),
    JobOpenError: (ProblemType.JOB_OPEN, HTTPStatus.CONFLICT),
    UnknownReviewError: (ProblemType.UNKNOWN_REVIEW, HTTPStatus.NOT_FOUND),
    ReviewTakenError: (ProblemType.REVIEW_TAKEN, HTTPStatus.CONFLICT),
    ReviewClosedError: (ProblemType.REVIEW_CLOSED, HTTPStatus.CONFLICT),
    UnknownDocumentError: (ProblemType.UNKNOWN_DOCUMENT, HTTPStatus.NOT_FOUND),
    UnknownDeadLetterError: (ProblemType.UNKNOWN_DEAD_LETTER, HTTPStatus.NOT_FOUND),
    NotDeadError: (ProblemType.NOT_DEAD, HTTPStatus.CONFLICT),
    UnknownEndpointError: (ProblemType.UNKNOWN_ENDPOINT, HTTPStatus.NOT_FOUND),
    UnknownDeliveryError: (ProblemType.UNKNOWN_DELIVERY, HTTPStatus.NOT_FOUND),
    EndpointDisabledError: (ProblemType.ENDPOINT_DISABLED, HTTPStatus.CONFLICT),
    EndpointChangedError: (ProblemType.ENDPOINT_CHANGED, HTTPStatus.CONFLICT),
    TooManyEndpointsError: (ProblemType.TOO_MANY_ENDPOINTS, HTTPStatus.CONFLICT),
    TooManyKeysError: (ProblemType.TOO_MANY_KEYS, HTTPStatus.CONFLICT),
    UnconfirmedError: (ProblemType.UNCONFIRMED, HTTPStatus.CONFLICT),
    OperatorSignsError: (ProblemType.OPERATOR_SIGNS, HTTPStatus.CONFLICT),
    DeliveryOpenError: (ProblemType.DELIVERY_OPEN, HTTPStatus.CONFLICT),
    SecretBoxError: (ProblemType.NO_ENCRYPTION_KEY, HTTPStatus.SERVICE_UNAVAILABLE),
    NoResultError: (ProblemType.NO_RESULT, HTTPStatus.NOT_FOUND),
    ClosedJobError: (ProblemType.JOB_CLOSED, HTTPStatus.CONFLICT),
    AdapterNotFoundError: (ProblemType.UNKNOWN_ADAPTER, HTTPStatus.NOT_FOUND),
    AdapterRefusedError: (ProblemType.INVALID_ADAPTER, HTTPStatus.UNPROCESSABLE_ENTITY),
    AdapterTakenError: (ProblemType.ADAPTER_CONFLICT, HTTPStatus.CONFLICT),
    AdapterRetiredError: (ProblemType.ADAPTER_CONFLICT, HTTPStatus.CONFLICT),
    TooManyAdaptersError: (ProblemType.ADAPTER_CONFLICT, HTTPStatus.CONFLICT),
    TenantShareError: (ProblemType.TENANT_SHARE, HTTPStatus.INSUFFICIENT_STORAGE),
    TenantQuotaError: (ProblemType.TENANT_QUOTA, HTTPStatus.TOO_MANY_REQUESTS),
    TooManyAtOnceError: (ProblemType.TOO_MANY_AT_ONCE, HTTPStatus.TOO_MANY_REQUESTS),
    OverloadedError: (ProblemType.OVERLOADED, HTTPStatus.SERVICE_UNAVAILABLE),
    LedgerFullError: (ProblemType.BACKLOG_FULL, HTTPStatus.SERVICE_UNAVAILABLE),
    LedgerError: (ProblemType.LEDGER_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE),
    StorageError: (ProblemType.STORAGE_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE),
}
"""Answer of each error; a subclass comes before its base."""


def error_types() -> Iterable[type[Exception]]:
    """Return all of our own errors that have an answer."""
    return _BY_ERROR.keys()


def known_error(error: Exception) -> tuple[ProblemType, HTTPStatus] | None:
    """Return the name and status of one of our own errors, or None for another error."""
    return next((answer for kind, answer in _BY_ERROR.items() if isinstance(error, kind)), None)
