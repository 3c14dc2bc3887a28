"""The guard: a process that ends the stack's families when their supervisor was killed.

The supervisor holds the other end of its standard input, and says there which sessions are its
own. Standard library only: it is started without site packages.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress

from docfleet.processes.bare_python import bare_command
from docfleet.processes.descendants import kill_family


class Guard:
    """The supervisor's side.

    Args:
        prefix: The stack's name and a dot; see FAMILY_VARIABLE.
    """

    def __init__(self, prefix: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own code
            bare_command("docfleet.processes.guard", prefix),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={},
            cwd="/",
        )

    def know(self, session: int) -> None:
        """A part leads this session now."""
        self._say(f"+{session}\n")

    def forget(self, session: int) -> None:
        """Nobody is left in this session; its id may soon be somebody else's."""
        self._say(f"-{session}\n")

    def _say(self, line: str) -> None:
        if self._process.stdin is not None:
            with suppress(OSError):  # a guard that was killed guards nothing; the stack goes on
                os.write(self._process.stdin.fileno(), line.encode())

    def end(self) -> None:
        """Let it kill what is left, and leave."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def main(arguments: list[str]) -> None:
    """The guard's side: wait until the supervisor is gone, then kill what it left.

    Args:
        arguments: The prefix alone.
    """
    (prefix,) = arguments
    kill_family(prefix, _living_sessions(sys.stdin))


def _living_sessions(lines: Iterable[str]) -> frozenset[int]:
    """Return the sessions that the supervisor named last; reads to the end."""
    sessions: set[int] = set()
    for line in lines:
        change, session = line[0], int(line[1:])
        if change == "+":
            sessions.add(session)
        else:
            sessions.discard(session)
    return frozenset(sessions)
