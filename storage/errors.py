"""Errors of object storage; each states in one line what happened."""

from __future__ import annotations


class StorageError(Exception):
    """Base of the errors that storage raises on purpose."""


class ObjectMissingError(StorageError):
    """There is no object."""


class ObjectForbiddenError(StorageError):
    """The credentials do not allow the access."""


class ObjectExistsError(StorageError):
    """A create-only put met an existing object."""


class ObjectChangedError(StorageError):
    """The object is another version."""


class ObjectTooLargeError(StorageError):
    """The object has more bytes than the caller accepts."""


class StorageUnavailableError(StorageError):
    """The store did not answer, or answered with a server error: try again.

    Attributes:
        outage_seconds: How long the store has been unwell; None while it is well on the whole.
    """

    outage_seconds: float | None = None


class BadAnswerError(StorageUnavailableError):
    """The store's answer broke off or makes no sense: try again."""
