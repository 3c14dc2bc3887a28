"""Reports of a starting process to its supervisor and its log: each step, then readiness."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import environ  # noqa: TID251  # settings is the place where it is read
from time import monotonic

import structlog

from settings.announcements import READY_LINE, READY_VARIABLE, STEP_PREFIX

log = structlog.get_logger(__name__)


@contextmanager
def start_step(words: str, **facts: str) -> Iterator[None]:
    """Report a step that takes some time, and log its duration.

    Args:
        words: Name of the step, such as `loading the model`.
        facts: Fields for the log.
    """
    started = monotonic()
    announce_step(words)
    log.info(words, **facts)
    yield
    log.info("done", step=words, seconds=round(monotonic() - started, 1))


def announce_step(words: str) -> None:
    """Report the present step to the supervisor."""
    _write(environ.get(READY_VARIABLE, ""), STEP_PREFIX + f"{words}\n".encode())


def announce_ready() -> None:
    """Report once that this process is ready to work."""
    descriptor = environ.pop(READY_VARIABLE, "")  # our children have nothing to report
    _write(descriptor, READY_LINE)
    if descriptor.isdigit():
        with suppress(OSError):
            os.close(int(descriptor))


def _write(descriptor: str, line: bytes) -> None:
    """Write a line for the supervisor; do nothing without one, or when it is gone."""
    if descriptor.isdigit():
        with suppress(OSError):
            os.write(int(descriptor), line)
