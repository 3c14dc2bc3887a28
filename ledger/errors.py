"""Errors of the ledger; each states in one line what happened."""

from __future__ import annotations

from schemas.states import JobState


class LedgerError(Exception):
    """Base of the errors that the ledger raises on purpose."""


class LedgerUnavailableError(LedgerError):
    """Redis did not answer: the outcome of the request is unknown."""


class LedgerRefusedError(LedgerUnavailableError):
    """Redis does not take our password."""


class LedgerFullError(LedgerError):
    """Redis has no memory left for another job."""


class TenantQuotaError(LedgerError):
    """The tenant has as many jobs in line as it may."""


class TenantShareError(TenantQuotaError):
    """The tenant's records take as much of the ledger's memory as they may."""


class LeaseLostError(LedgerError):
    """Another attempt owns the record now; the write of this one changed nothing."""


class WorkerClosedError(LedgerError):
    """The worker takes no other work until a suspect has run alone in it."""


class JobOpenError(LedgerError):
    """The job has not ended, so that it cannot be deleted."""


class ReviewTakenError(LedgerError):
    """Another reviewer holds the review."""


class ReviewClosedError(LedgerError):
    """The review is completed."""


class NotDeadError(LedgerError):
    """Only dead letters, and jobs whose tasks did not all succeed, can be sent round again.

    Attributes:
        state: The state of the record.
    """

    def __init__(self, message: str, state: JobState) -> None:
        super().__init__(message)
        self.state = state


class CursorError(LedgerError):
    """The cursor of a page is not valid."""


class IdempotencyError(LedgerError):
    """Another request already made a job with this id."""


class SecretBoxError(LedgerError):
    """A secret cannot be sealed or opened: the key is missing or another one."""


class TooManyEndpointsError(LedgerError):
    """The tenant has its maximum number of endpoints."""


class TooManyKeysError(LedgerError):
    """The tenant has its maximum number of API keys."""


class TooManyAdaptersError(LedgerError):
    """The registry has its maximum number of adapters."""


class AdapterTakenError(LedgerError):
    """The name and version belong to another adapter."""


class AdapterRetiredError(LedgerError):
    """The adapter is retired, and cannot be promoted."""


class MakerRevokedError(LedgerError):
    """The key that would make another one no longer works."""


class EndpointChangedError(LedgerError):
    """Somebody else changed the endpoint meanwhile."""


class EndpointDisabledError(LedgerError):
    """The endpoint is disabled or deleted."""


class DeliveryOpenError(LedgerError):
    """The delivery is being sent, or is about to be."""
