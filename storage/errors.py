"""Errors of object storage; each says in one line what happened."""

from __future__ import annotations


class StorageError(Exception):
    """Anything that storage raises on purpose."""


class ObjectMissingError(StorageError):
    """No object lies there."""


class ObjectForbiddenError(StorageError):
    """The credentials do not allow it."""


class ObjectExistsError(StorageError):
    """A create-only put met an object."""


class ObjectChangedError(StorageError):
    """The object is no longer the one that was meant."""


class ObjectTooLargeError(StorageError):
    """The object has more bytes than the caller will take."""


class StorageUnavailableError(StorageError):
    """The store did not answer, or answered with a server error: try again.

    Attributes:
        outage_seconds: How long the store has been unwell; None while it is well on the whole.
    """

    outage_seconds: float | None = None


class BadAnswerError(StorageUnavailableError):
    """The store's answer broke off or makes no sense: try again."""
