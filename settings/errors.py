"""Errors of the configuration; each names the place and the remedy."""


class SettingsError(Exception):
    """The configuration is not valid."""
