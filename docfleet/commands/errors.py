"""Errors of the producer as a line of text and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from docfleet.errors import BadUsageError, CommandError
from ledger.errors import (
    AdapterRetiredError,
    AdapterTakenError,
    CursorError,
    DeliveryOpenError,
    EndpointChangedError,
    EndpointDisabledError,
    JobOpenError,
    LedgerError,
    NotDeadError,
    ReviewClosedError,
    ReviewTakenError,
    SecretBoxError,
    TooManyAdaptersError,
    TooManyEndpointsError,
    TooManyKeysError,
)
from producer.errors import (
    AdapterNotFoundError,
    AdapterRefusedError,
    DocumentFileError,
    OperatorSignsError,
    ProducerError,
    RequestError,
    UnknownDeadLetterError,
)
from storage.errors import StorageError


class JobNotSucceededError(CommandError):
    """A job ended without all of its results, or cannot give the one that was asked for."""


class NoDeadLetterError(CommandError):
    """There is no dead letter with this id."""


class NotSentError(CommandError):
    """A delivery or an endpoint was not changed."""


class NotDoneError(CommandError):
    """A job or a review stands as it stood."""


class UnreachableError(CommandError):
    """The stack's Redis or its object store does not answer."""

    exit_code = 3


class NoDocumentError(CommandError):
    """A document is missing, empty or cannot be read."""

    exit_code = 4


class StillRunningError(CommandError):
    """The time was up before the jobs had ended."""

    exit_code = 5


class AdapterUnchangedError(CommandError):
    """An adapter was not added, promoted or retired."""


_MEANINGS: dict[type[CommandError], tuple[type[Exception], ...]] = {
    BadUsageError: (
        RequestError,
        CursorError,
        OperatorSignsError,
        SecretBoxError,
        TooManyEndpointsError,
        TooManyKeysError,
    ),
    NoDocumentError: (DocumentFileError,),
    NoDeadLetterError: (UnknownDeadLetterError, NotDeadError),
    AdapterUnchangedError: (
        AdapterNotFoundError,
        AdapterRefusedError,
        AdapterRetiredError,
        AdapterTakenError,
        TooManyAdaptersError,
    ),
    NotSentError: (EndpointDisabledError, EndpointChangedError, DeliveryOpenError),
    NotDoneError: (JobOpenError, ReviewClosedError, ReviewTakenError),
    JobNotSucceededError: (ProducerError,),
}
"""Errors that each error of the command stands for; the first that fits counts."""


@contextmanager
def explained() -> Iterator[None]:
    """Translate errors of the producer, the ledger and the storage into those of the command."""
    try:
        yield
    except ValidationError as error:
        raise BadUsageError(_in_one_line(error)) from error
    except (ProducerError, LedgerError, StorageError) as error:
        for meaning, kinds in _MEANINGS.items():
            if isinstance(error, kinds):
                raise meaning(str(error)) from error
        raise UnreachableError(f"{error}: see `docfleet status`") from error


def _in_one_line(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors()
    )
