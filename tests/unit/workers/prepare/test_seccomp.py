"""The filter of readers, as the kernel would run it, for each machine that it is written for."""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

import pytest

from workers.prepare.lockdown.seccomp import Instruction, assemble
from workers.prepare.lockdown.system_calls import ALLOWED, CLONE3, CONDITIONAL, THREADS

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
PERMISSION, UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
PTHREAD = 0x003D0F00
"""The flags of clone that the C library starts a thread with."""
READ_EXECUTE, READ_WRITE = 5, 3
LARGE = 2000
"""Above all numbers that machines have, and below those of another convention."""

machines = pytest.mark.parametrize("machine", ARCHITECTURES)


def decided(program: Sequence[Instruction], architecture: int, number: int, *arguments: int) -> int:
    """Run a filter on a system call."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    at, value = 0, 0
    while True:
        code, true, false, constant = program[at]
        at += 1
        match code:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, constant)
            case 0x54:
                value &= constant
            case 0x15:
                at += true if value == constant else false
            case 0x35:
                at += true if value >= constant else false
            case 0x06:
                return constant
            case _:
                pytest.fail(f"no such instruction: {code:#x}")


class Filter:
    """A filter for a machine, in a process with the id 7."""

    def __init__(self, machine: str, *, threads: bool = False) -> None:
        self._machine = machine
        self._program = assemble(machine, process=7, threads=threads)

    def decides(self, number: int | None, *arguments: int) -> int:
        """Return the filter's decision about a system call."""
        assert number is not None
        return decided(self._program, ARCHITECTURES[self._machine], number, *arguments)


@machines
def test_the_listed_system_calls_and_no_others_are_allowed(machine: str) -> None:
    """Conditional ones with arguments of 0, which meet the conditions; signals to 0 do not."""
    reader = Filter(machine)
    listed = [*ALLOWED.values(), *(numbers for numbers, _ in CONDITIONAL.values())]
    allowed = {number for number in range(LARGE) if reader.decides(number) == ALLOW}
    assert allowed == {getattr(numbers, machine) for numbers in listed} - {None}


@machines
def test_another_architecture_or_convention_is_death(machine: str) -> None:
    """The numbers mean other calls there."""
    (other,) = ARCHITECTURES.keys() - {machine}
    program = assemble(machine, process=7, threads=False)
    read = getattr(ALLOWED["read"], machine)
    assert decided(program, ARCHITECTURES[other], read) == KILL
    assert decided(program, ARCHITECTURES[machine], 0x40000000 | read) == KILL


@machines
def test_no_memory_can_be_made_to_run(machine: str) -> None:
    """Neither when it is mapped nor afterwards."""
    reader = Filter(machine)
    for name in ("mmap", "mprotect"):
        number = getattr(CONDITIONAL[name][0], machine)
        assert reader.decides(number, 0, 4096, READ_WRITE) == ALLOW
        assert reader.decides(number, 0, 4096, READ_EXECUTE) == PERMISSION


@machines
def test_limits_can_be_read_and_not_set(machine: str) -> None:
    """A pointer to new limits counts wherever its bits are; so does another process."""
    reader, number = Filter(machine), getattr(CONDITIONAL["prlimit64"][0], machine)
    assert reader.decides(number, 0, 9, 0, 0x7FFF00001000) == ALLOW
    for process, new in ((0, 0x1000), (0, 0x7FFF00000000), (8, 0)):
        assert reader.decides(number, process, 9, new) == PERMISSION


@machines
def test_a_process_signals_itself_alone(machine: str) -> None:
    """By tgkill, with which it aborts."""
    tgkill = {"x86_64": 234, "aarch64": 131}[machine]
    assert Filter(machine).decides(tgkill, 7, 7, 6) == ALLOW
    for other in (0, 1, 8, 0xFFFFFFFF):
        assert Filter(machine).decides(tgkill, other, 7, 6) == PERMISSION


@machines
def test_a_reader_starts_threads_if_it_may_and_no_process(machine: str) -> None:
    """vfork, a new namespace and a plain fork are no threads; clone3 is not known."""
    numbers = {name: getattr(found, machine) for name, (found, _) in THREADS.items()}
    without, having = Filter(machine), Filter(machine, threads=True)
    assert having.decides(numbers["clone"], PTHREAD) == ALLOW
    for flags in (17, 0x4111, PTHREAD | 0x10000000, PTHREAD | 0x4000, PTHREAD & ~0x10000):
        assert having.decides(numbers["clone"], flags) == PERMISSION
    for number in numbers.values():
        assert without.decides(number, PTHREAD) == PERMISSION
    for reader in (without, having):
        assert reader.decides(getattr(CLONE3, machine)) == UNKNOWN
