"""Powers of a process: given up, hidden from others, and bound to its parent's life."""

from __future__ import annotations

import ctypes
import os
import select
import signal

from workers.prepare.lockdown.kernel import MACHINE, control_process, system_call

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


def hide_memory() -> None:
    """Hide this process's memory and initial environment from other processes of its user.

    They can no longer attach to it, and only root reads /proc/PID/environ, mem and maps. This holds
    until the process starts another program.
    """
    control_process(_PR_SET_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """Make the kernel kill this process when the parent ends; leave if it has already ended.

    Args:
        parent: A pidfd of the process that started this one.
    """
    control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([parent], [], [], 0)[0]:
        os._exit(1)


def become(user: int) -> None:
    """Change to a user and group of this number, without further groups.

    Raises:
        OSError: This process lacks the permission.
    """
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def drop_privileges() -> None:
    """Give up all capabilities, and the ways to get new ones.

    Raises:
        OSError: The kernel refuses.
    """
    control_process(_PR_SET_NO_NEW_PRIVS, 1)
    if MACHINE in _CAPSET:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        none = (ctypes.c_uint32 * 6)()
        system_call(_CAPSET[MACHINE], ctypes.byref(header), ctypes.byref(none))
