"""seccomp: the filter that the kernel runs before each system call of a reader."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Sequence
from itertools import chain

from workers.prepare.lockdown import system_calls
from workers.prepare.lockdown.kernel import MACHINE, control_process
from workers.prepare.lockdown.system_calls import Condition

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
"""First number on x86-64 of calls of another convention."""

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ARGUMENT_BYTES = 8
_HALF_BITS, _HALF = 32, 0xFFFFFFFF

Instruction = tuple[int, int, int, int]
"""Code, instructions to skip if true, if false, and a constant: struct sock_filter."""


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install_filter(process: int, *, threads: bool) -> None:
    """Put this thread, and all that it starts, under the filter; needs no_new_privs.

    Args:
        process: Id of this process, in its own view.
        threads: True when it may start threads.

    Raises:
        OSError: The kernel refuses, or this machine's system calls are not known.
    """
    if MACHINE not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"the system calls of {MACHINE} are not known")
    load_program(assemble(MACHINE, process, threads=threads))


def load_program(instructions: Sequence[Instruction]) -> None:
    """Make the kernel run a filter program before each system call.

    Raises:
        OSError: The kernel refuses.
    """
    code = b"".join(struct.pack("HBBI", *one) for one in instructions)
    program = _Program(len(instructions), code)
    control_process(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))


def assemble(machine: str, process: int, *, threads: bool) -> list[Instruction]:
    """Write the filter for a machine, `x86_64` or `aarch64`."""
    conditional = {**system_calls.CONDITIONAL, **system_calls.own_signals(process)}
    if threads:
        conditional |= system_calls.THREADS
    rules = [(numbers, ()) for numbers in system_calls.ALLOWED.values()]
    known = (
        _rule(number, conditions)
        for numbers, conditions in chain(rules, conditional.values())
        if (number := getattr(numbers, machine)) is not None
    )
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _end(_KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, 0, 1, _X32),
        _end(_KILL),
        *chain.from_iterable(known),
        (_IF_EQUAL, 0, 1, getattr(system_calls.CLONE3, machine)),
        _end(_REFUSE | errno.ENOSYS),
        _end(_REFUSE | errno.EPERM),
    ]


def _rule(number: int, conditions: Iterable[Condition]) -> list[Instruction]:
    """Allow a call whose arguments meet the conditions; pass on calls with another number."""
    tests = list(chain.from_iterable(map(_tests, conditions)))
    steps: list[Instruction] = []
    for left, (code, true, _, constant) in zip(range(len(tests), 0, -1), tests, strict=True):
        # A failed test skips the remaining tests and the permission behind them.
        steps.append((code, true, left if code == _IF_EQUAL else 0, constant))
    steps.append(_end(_ALLOW))
    if tests:
        steps.append(_end(_REFUSE | errno.EPERM))
    return [(_IF_EQUAL, 0, len(steps), number), *steps]


def _tests(condition: Condition) -> Iterable[Instruction]:
    """Compare an argument, half of its bits at a time."""
    at = _ARGUMENTS_AT + _ARGUMENT_BYTES * condition.argument
    for offset in (0, 4):  # Both machines store the lower half first.
        shift = offset // 4 * _HALF_BITS
        mask = condition.mask >> shift & _HALF
        if mask:
            yield _LOAD, 0, 0, at + offset
            yield _AND, 0, 0, mask
            yield _IF_EQUAL, 0, 0, condition.value >> shift & _HALF


def _end(action: int) -> Instruction:
    return _RETURN, 0, 0, action
