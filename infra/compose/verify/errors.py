"""Errors of verify."""


class VerifyError(Exception):
    """The stack did not do what it should."""
