"""What a process and its keeper tell each other. Standard library only."""

from __future__ import annotations

import signal

READY_VARIABLE = "DOCFLEET_READY_FD"
"""Names the file descriptor of a pipe that is read line by line."""

READY_LINE = b"ready\n"
STEP_PREFIX = b"step "
"""Begins a line that says what the process does before it is ready."""
ALIVE_PREFIX = b"alive "
"""Begins a sign of life: a line with the seconds that may pass until the next."""

STACKS_SIGNAL = signal.SIGUSR2
"""Has a process that gives signs of life write to its log what its threads do."""
STACKS_SECONDS = 1
"""Seconds that a process which hangs has for that, before it is killed."""
