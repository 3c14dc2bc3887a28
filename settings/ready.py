"""Readiness: a process reports to its supervisor that it can work."""

from __future__ import annotations

import os
from contextlib import suppress
from os import environ  # noqa: TID251  # settings is the place where it is read

READY_VARIABLE = "DOCFLEET_READY_FD"
"""Names the file descriptor of a pipe that waits for READY_LINE."""

READY_LINE = b"ready\n"


def announce_ready() -> None:
    """Say it once; does nothing where nobody asked, or when the one who asked is gone."""
    descriptor = environ.pop(READY_VARIABLE, "")  # our own children have nothing to announce
    if not descriptor.isdigit():
        return
    with suppress(OSError):
        os.write(int(descriptor), READY_LINE)
    with suppress(OSError):
        os.close(int(descriptor))
