"""The front door: one `docfleet` command and the local stack."""

__version__ = "0.1.0"
