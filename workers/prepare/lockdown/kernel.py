"""System calls without a function in Python."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable
from typing import Any

MACHINE = platform.machine()

# PyDLL keeps the interpreter's lock: a child of `clone` must not have to wait for it.
_LIBC = ctypes.PyDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def system_call(number: int, *arguments: object) -> int:
    """Make a system call.

    Args:
        number: Its number on this machine.
        arguments: Integers, None or ctypes pointers.

    Returns:
        The kernel's answer; never negative.

    Raises:
        OSError: The kernel refuses.
    """
    return _checked(_LIBC.syscall, ctypes.c_long(number), *map(_register, arguments))


def control_process(option: int, *arguments: object) -> int:
    """Call prctl(2).

    Raises:
        OSError: The kernel refuses.
    """
    filled = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(_LIBC.prctl, ctypes.c_int(option), *map(_register, filled))


def _register(argument: object) -> object:
    """Widen an integer to a register: the kernel reads all 64 bits."""
    return ctypes.c_ulong(argument) if isinstance(argument, int) else argument


def _checked(function: Callable[..., Any], *arguments: object) -> int:
    result = int(function(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
