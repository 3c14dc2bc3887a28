"""System calls that a reader may make once it has the document.

All others are refused: it opens no file and no socket, starts no program and no process, sends no
signal, and maps no memory to run code from.
"""

from __future__ import annotations

from typing import NamedTuple

_PROT_EXEC = 4
_PR_SET_NAME = 15
_CLONE_THREAD = 0x00010000
# Namespaces, vfork, ptrace, another parent: flags that a thread of this process does not need.
_CLONE_OTHER = 0x7E02E000 | 0x00800000 | 0x80000000 | 0x80
_INT, _LONG = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


class Condition(NamedTuple):
    """Condition on an argument of a system call, counted from 0: `it & mask == value`."""

    argument: int
    mask: int
    value: int


class Numbers(NamedTuple):
    """A system call's number on each machine; None where it has no such call."""

    x86_64: int | None
    aarch64: int | None


ALLOWED = {
    # The document and the answer, both open.
    "read": Numbers(0, 63),
    "write": Numbers(1, 64),
    "readv": Numbers(19, 65),
    "writev": Numbers(20, 66),
    "pread64": Numbers(17, 67),
    "lseek": Numbers(8, 62),
    "close": Numbers(3, 57),
    # Memory.
    "brk": Numbers(12, 214),
    "munmap": Numbers(11, 215),
    "mremap": Numbers(25, 216),
    "madvise": Numbers(28, 233),
    # The process's own signals.
    "rt_sigaction": Numbers(13, 134),
    "rt_sigprocmask": Numbers(14, 135),
    "rt_sigreturn": Numbers(15, 139),
    "sigaltstack": Numbers(131, 132),
    "restart_syscall": Numbers(219, 128),
    # Its clocks, its locks and its ids.
    "clock_gettime": Numbers(228, 113),
    "clock_getres": Numbers(229, 114),
    "clock_nanosleep": Numbers(230, 115),
    "gettimeofday": Numbers(96, 169),
    "nanosleep": Numbers(35, 101),
    "time": Numbers(201, None),
    "futex": Numbers(202, 98),
    "sched_yield": Numbers(24, 124),
    "sched_getaffinity": Numbers(204, 123),
    "getcpu": Numbers(309, 168),
    "getrandom": Numbers(318, 278),
    "getrusage": Numbers(98, 165),
    "sysinfo": Numbers(99, 179),
    "getpid": Numbers(39, 172),
    "getppid": Numbers(110, 173),
    "gettid": Numbers(186, 178),
    "getuid": Numbers(102, 174),
    "geteuid": Numbers(107, 175),
    "getgid": Numbers(104, 176),
    "getegid": Numbers(108, 177),
    # Its end.
    "exit": Numbers(60, 93),
    "exit_group": Numbers(231, 94),
}
"""Allowed with any arguments."""

CONDITIONAL = {
    "mmap": (Numbers(9, 222), (Condition(2, _PROT_EXEC, 0),)),
    "mprotect": (Numbers(10, 226), (Condition(2, _PROT_EXEC, 0),)),
    # Its limits can be read and not set.
    "prlimit64": (Numbers(302, 261), (Condition(0, _INT, 0), Condition(2, _LONG, 0))),
}
"""Allowed with these arguments only."""

THREADS = {
    "clone": (Numbers(56, 220), (Condition(0, _CLONE_THREAD | _CLONE_OTHER, _CLONE_THREAD),)),
    "set_robust_list": (Numbers(273, 99), ()),
    "rseq": (Numbers(334, 293), ()),
    "prctl": (Numbers(157, 167), (Condition(0, _INT, _PR_SET_NAME),)),
}
"""Allowed to readers with threads."""

CLONE3 = Numbers(435, 435)
"""Refused as unknown, because its arguments cannot be checked: the C library then uses clone."""


def own_signals(process: int) -> dict[str, tuple[Numbers, tuple[Condition, ...]]]:
    """Return the rule that allows a process signals only to itself, with which it ends."""
    return {"tgkill": (Numbers(234, 131), (Condition(0, _INT, process),))}
