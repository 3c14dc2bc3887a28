"""Errors of object storage; each says in one line what happened."""


class StorageError(Exception):
    """Anything that storage raises on purpose."""


class ObjectMissingError(StorageError):
    """No object lies there."""


class ObjectForbiddenError(StorageError):
    """The credentials do not allow it."""


class ObjectExistsError(StorageError):
    """A create-only put met an object."""


class ObjectChangedError(StorageError):
    """The object is no longer the one that was to be replaced."""


class ObjectTooLargeError(StorageError):
    """The object has more bytes than the caller will take."""


class StorageUnavailableError(StorageError):
    """The store did not answer, or answered with a server error: try again."""
