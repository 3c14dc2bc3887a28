"""Errors of adapter directories; each message names the adapter's fault."""

from __future__ import annotations


class AdapterError(Exception):
    """Base of the errors of adapter directories."""


class AdapterMissingError(AdapterError):
    """The directory is not there, or lacks a file."""


class AdapterInvalidError(AdapterError):
    """The directory holds no adapter that runs on the base model."""


class WeightsError(Exception):
    """A weights file cannot be read or is damaged."""
