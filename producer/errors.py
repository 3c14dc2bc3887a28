"""Errors of the producer; each says in one line what happened and, where it helps, what to do."""

from __future__ import annotations

from schemas.job import Job


class ProducerError(Exception):
    """Anything that the producer raises on purpose."""


class RequestError(ProducerError):
    """The request cannot be taken as it is."""


class UnknownTaskError(RequestError):
    """A task is asked for that has no file."""


class TaskNotFoundError(ProducerError):
    """There is no task of this name."""


class UnknownPoolError(RequestError):
    """A pool is asked for that the fleet's file does not have."""


class UnauthorizedError(ProducerError):
    """There is no key, or it opens nothing."""


class TooManyAttemptsError(ProducerError):
    """Too many keys that open nothing were sent from one address, or for one key.

    Attributes:
        wait_seconds: After which another one is looked at.
    """

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(
            f"too many keys that open nothing were sent: wait {wait_seconds:.0f} s, and see that"
            " the key is neither revoked nor expired"
        )
        self.wait_seconds = wait_seconds


class ForbiddenError(ProducerError):
    """The key does not allow it."""


class TooManyAtOnceError(ProducerError):
    """The tenant has as many requests of this kind at once as it may have."""


class OverloadedError(ProducerError):
    """The API has no place left for another request of this kind."""


class UnknownApiKeyError(ProducerError):
    """There is no key of this id."""


class DocumentFileError(ProducerError):
    """A local file cannot be submitted: it is missing, empty, too large or unreadable."""


class DocumentTooLargeError(ProducerError):
    """The document has more bytes than a document may have; nothing of it is kept."""


class ListenError(ProducerError):
    """Address and port cannot be listened to."""


class UnknownJobError(ProducerError):
    """There is no job of this id."""


class UnknownReviewError(ProducerError):
    """There is no review of this job's result."""


class UnknownDocumentError(ProducerError):
    """Nothing is known of a document."""


class UnknownDeadLetterError(ProducerError):
    """There is no dead letter of this id."""


class UnknownEndpointError(ProducerError):
    """The tenant has no endpoint of this id."""


class OperatorSignsError(ProducerError):
    """The default tenant's callback secret is the operator's, who keeps it elsewhere."""


class UnknownDeliveryError(ProducerError):
    """The tenant has no delivery of this id."""


class UnconfirmedError(ProducerError):
    """What is asked for has to be confirmed; the message says what comes of it."""


class JobStateError(ProducerError):
    """The state of the job does not allow the request.

    Attributes:
        job: The job concerned.
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
    """A manifest is not of the form that it should have."""


class UnwatchedBucketError(ProducerError):
    """An event names a bucket that no rule names, or that the fleet itself writes."""


class QueueError(ProducerError):
    """SQS did not answer, or refused."""
