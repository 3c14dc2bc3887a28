"""Messages between a process and its keeper. Standard library only."""

from __future__ import annotations

import signal

READY_VARIABLE = "DOCFLEET_READY_FD"
"""Variable with the file descriptor of a pipe, which is read line by line."""

READY_LINE = b"ready\n"
STEP_PREFIX = b"step "
"""Beginning of a line with the step that the process does before it is ready."""
ALIVE_PREFIX = b"alive "
"""Beginning of a sign of life: a line with the maximum seconds until the next one."""

STACKS_SIGNAL = signal.SIGUSR2
"""Signal on which a process that gives signs of life writes its threads' stacks to its log."""
STACKS_SECONDS = 1
"""Seconds that a hanging process has for that, before it is killed."""
