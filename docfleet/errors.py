"""Errors of the front door; each names its exit code and says in its message what to do."""

from __future__ import annotations


class CommandError(Exception):
    """Anything that the command raises on purpose."""

    exit_code = 1


class PartFailedError(CommandError):
    """A part of the stack cannot start."""


class BadUsageError(CommandError):
    """The command was asked for something that cannot be done."""

    exit_code = 2


class StackRunningError(BadUsageError):
    """Another `docfleet up` holds this state directory."""


class PortTakenError(BadUsageError):
    """Somebody else listens on the port that was asked for."""


class NotInstalledError(BadUsageError):
    """A server that the local stack needs is not installed."""


class NoStackError(CommandError):
    """No stack is running here."""

    exit_code = 3
