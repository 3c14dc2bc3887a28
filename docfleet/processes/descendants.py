"""A part's family: its process, and all that this started, however it hides.

Members are found by session, and by a variable in their environment: a child that leads a
session of its own still has the variable; one that rewrote its title lost it and has the session.
Linux only. Standard library only: the guard runs without site packages.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

FAMILY_VARIABLE = "DOCFLEET_FAMILY"
"""Its value starts with the stack's name and a dot; the part's name and a dot follow."""

_PROC = Path("/proc")
_SECONDS_TO_DIE = 10
_LOOK_AGAIN_SECONDS = 0.01


def kill_family(prefix: str, sessions: Collection[int] = ()) -> frozenset[int]:
    """Kill all members, and wait until none is left.

    Args:
        prefix: How the value of FAMILY_VARIABLE starts.
        sessions: Ids of sessions that belong to the family.

    Returns:
        The pids of those killed. A member that the kernel does not let die is left after 10 s.
    """
    killed: set[int] = set()
    give_up_at = monotonic() + _SECONDS_TO_DIE
    while members := set(_kill_members(prefix, sessions)):
        killed |= members
        if monotonic() > give_up_at:
            break
        sleep(_LOOK_AGAIN_SECONDS)
    return frozenset(killed)


def _kill_members(prefix: str, sessions: Collection[int]) -> Iterator[int]:
    """Pids of the living members; each has been sent a SIGKILL."""
    for entry in _PROC.iterdir():
        pid = int(entry.name) if entry.name.isdigit() else 0
        if not pid or pid == os.getpid():
            continue
        with suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            # The descriptor first: the pid could be another process's by the time of the kill.
            descriptor = os.pidfd_open(pid)
            try:
                if _is_member(entry, prefix, sessions):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    yield pid
            finally:
                os.close(descriptor)


def _is_member(entry: Path, prefix: str, sessions: Collection[int]) -> bool:
    # The name, in parentheses, may hold anything; state, parent, group and session follow it.
    state, _, _, session = (
        entry.joinpath("stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:4]
    )
    if state in {"Z", "X"}:
        return False
    if int(session) in sessions:
        return True
    mark = f"\0{FAMILY_VARIABLE}={prefix}".encode()
    return mark in b"\0" + entry.joinpath("environ").read_bytes()
