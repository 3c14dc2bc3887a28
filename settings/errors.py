"""Errors of the configuration; each names the place and what to do."""


class SettingsError(Exception):
    """The configuration cannot be used as it is."""
