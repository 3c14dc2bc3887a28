"""Errors of the `docfleet` command; each has an exit code, and its message names the remedy."""

from __future__ import annotations


class CommandError(Exception):
    """Base of the errors that the command raises on purpose."""

    exit_code = 1


class PartFailedError(CommandError):
    """A part of the stack cannot start."""


class BadUsageError(CommandError):
    """The command cannot do what it was asked for."""

    exit_code = 2


class StackRunningError(BadUsageError):
    """Another `docfleet up` uses this state directory."""


class PortTakenError(BadUsageError):
    """Another program listens on the port."""


class NotInstalledError(BadUsageError):
    """A server that the local stack needs is not installed."""


class NoStackError(CommandError):
    """No stack is running here."""

    exit_code = 3
