"""Errors of the producer; each states in one line what happened and, if it helps, what to do."""

from __future__ import annotations

from schemas.job import Job


class ProducerError(Exception):
    """Base of the errors that the producer raises on purpose."""


class RequestError(ProducerError):
    """The request is not valid."""


class UnknownTaskError(RequestError):
    """The request names a task that has no file."""


class TaskNotFoundError(ProducerError):
    """There is no task with this name."""


class UnknownPoolError(RequestError):
    """The request names a pool that the fleet's file does not have."""


class UnknownAdapterError(RequestError):
    """The request names an adapter that the registry does not have."""


class UnservedAdapterError(RequestError):
    """The request names an adapter that no pool can run for it."""


class AdapterNotFoundError(ProducerError):
    """There is no adapter with this name and version."""


class AdapterRefusedError(ProducerError):
    """The adapter does not run on the fleet's base models, or is damaged."""


class UnauthorizedError(ProducerError):
    """The key is missing, unknown or revoked."""


class TooManyAttemptsError(ProducerError):
    """Too many invalid keys came from one address, or for one key.

    Attributes:
        wait_seconds: Seconds until another key is looked at.
    """

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(
            f"too many keys that open nothing were sent: wait {wait_seconds:.0f} s, and see that"
            " the key is neither revoked nor expired"
        )
        self.wait_seconds = wait_seconds


class ForbiddenError(ProducerError):
    """The key does not allow the request."""


class TooManyAtOnceError(ProducerError):
    """The tenant has its maximum number of such requests at once."""


class OverloadedError(ProducerError):
    """The API has no room for another request of this kind."""


class UnknownApiKeyError(ProducerError):
    """There is no key with this id."""


class DocumentFileError(ProducerError):
    """A local file cannot be submitted: it is missing, empty, too large or unreadable."""


class DocumentTooLargeError(ProducerError):
    """The document has too many bytes; nothing of it is kept."""


class ListenError(ProducerError):
    """The address or port cannot be listened to."""


class UnknownJobError(ProducerError):
    """There is no job with this id."""


class UnknownReviewError(ProducerError):
    """There is no review of this job's result."""


class UnknownDocumentError(ProducerError):
    """Nothing is known of a document."""


class UnknownDeadLetterError(ProducerError):
    """There is no dead letter with this id."""


class UnknownEndpointError(ProducerError):
    """The tenant has no endpoint with this id."""


class OperatorSignsError(ProducerError):
    """The operator keeps the default tenant's callback secret elsewhere."""


class UnknownDeliveryError(ProducerError):
    """The tenant has no delivery with this id."""


class UnconfirmedError(ProducerError):
    """The request needs a confirmation; the message states its consequences."""


class JobStateError(ProducerError):
    """The state of the job does not allow the request.

    Attributes:
        job: The job.
    """

    def __init__(self, message: str, job: Job) -> None:
        super().__init__(message)
        self.job = job


class NoResultError(JobStateError):
    """The job has no result, or none yet."""


class ClosedJobError(JobStateError):
    """The job has ended and cannot be cancelled any more."""


class WaitTimeoutError(JobStateError):
    """The job had not ended when the time was up; it goes on."""


class ManifestError(ProducerError):
    """A manifest has a wrong form."""


class UnwatchedBucketError(ProducerError):
    """An event names a bucket that no rule names, or to which the fleet itself writes."""


class QueueError(ProducerError):
    """SQS did not answer, or refused the request."""
