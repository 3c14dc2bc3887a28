"""Namespaces: an empty network for all readers, and a list of processes for each.

Root, and users with its powers, create them directly. Others create them inside a user namespace,
if the machine allows one.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

from workers.prepare.lockdown.kernel import MACHINE, system_call

NEW_USER, NEW_PROCESSES = 0x10000000, 0x20000000
_NEW_IPC, _NEW_NETWORK = 0x08000000, 0x40000000
_CLONE = {"x86_64": 56, "aarch64": 220}
_UNSHARE = {"x86_64": 272, "aarch64": 97}


def enter_empty_network() -> bool:
    """Move this process to an empty network namespace; call this before threads start.

    Returns:
        True when it needed a user namespace.

    Raises:
        OSError: The kernel or the container's profile does not allow it.
    """
    try:
        _unshare(_NEW_NETWORK | _NEW_IPC)
    except PermissionError:
        if os.geteuid() == 0:  # In a user namespace it could not give readers users of their own.
            raise
    else:
        return False
    user, group = os.geteuid(), os.getegid()
    _unshare(NEW_USER | _NEW_NETWORK | _NEW_IPC)
    # Readers create namespaces inside this one; for that, its user must exist in the outer one.
    for file, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", file).write_text(content, encoding="ascii")
    return True


def fork(namespaces: int) -> int:
    """Fork; the child begins in new namespaces, as process 1 if they include processes.

    Args:
        namespaces: CLONE_NEW... flags; 0 for none.

    Returns:
        0 in the child, its process id in the parent.

    Raises:
        OSError: The kernel refuses the child or the namespaces.
    """
    if not namespaces:
        return os.fork()
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    try:
        child = system_call(_CLONE[MACHINE], namespaces | signal.SIGCHLD, 0, 0, 0, 0)
    except BaseException:
        python.PyOS_AfterFork_Parent()
        raise
    if child:
        python.PyOS_AfterFork_Parent()
    else:
        python.PyOS_AfterFork_Child()
    return child


def supported() -> bool:
    """Tell whether this machine's system call numbers are known."""
    return MACHINE in _CLONE


def _unshare(flags: int) -> None:
    if not supported():
        raise OSError(0, f"not supported on {MACHINE}")
    system_call(_UNSHARE[MACHINE], flags)
