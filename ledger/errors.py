"""Errors of the ledger; each says in one line what happened."""

from __future__ import annotations

from schemas.states import JobState


class LedgerError(Exception):
    """Anything that the ledger raises on purpose."""


class LedgerUnavailableError(LedgerError):
    """Redis did not answer: nothing is known of what was asked."""


class LedgerRefusedError(LedgerUnavailableError):
    """Redis does not take our password."""


class LedgerFullError(LedgerError):
    """Redis has no memory left for another job."""


class TenantQuotaError(LedgerError):
    """The tenant has as many jobs in line as it may."""


class TenantShareError(TenantQuotaError):
    """The tenant's records take as much of the ledger as they may."""


class LeaseLostError(LedgerError):
    """Another attempt owns the record now; what this one did changes nothing."""


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
        state: Where the record stands.
    """

    def __init__(self, message: str, state: JobState) -> None:
        super().__init__(message)
        self.state = state


class CursorError(LedgerError):
    """A page is asked for by a cursor that is none."""


class IdempotencyError(LedgerError):
    """A job of this id is there, and it was another request."""


class SecretBoxError(LedgerError):
    """A secret cannot be sealed or opened: the key is missing, or another."""


class TooManyEndpointsError(LedgerError):
    """The tenant has as many endpoints as it may have."""


class TooManyKeysError(LedgerError):
    """The tenant has as many keys of the HTTP API as it may have."""


class MakerRevokedError(LedgerError):
    """The key that is to make another one works no longer."""


class EndpointChangedError(LedgerError):
    """Somebody else changed the endpoint meanwhile."""


class EndpointDisabledError(LedgerError):
    """The endpoint is disabled, or is no more."""


class DeliveryOpenError(LedgerError):
    """The delivery is being sent, or about to be."""
