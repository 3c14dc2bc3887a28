"""Limits on the resources of a reader."""

from __future__ import annotations

import mmap
import resource
from pathlib import Path
from typing import NamedTuple

_STANDARD_FILES = 3


class Allowance(NamedTuple):
    """Allowance of one document: memory, time and threads."""

    memory_bytes: int
    """Bytes of address space, above those with which every reader begins."""
    cpu_seconds: int
    threads: int
    """Threads besides the first."""


def address_space() -> int:
    """Return the bytes of address space that this process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * mmap.PAGESIZE


def limit(allowance: Allowance, *, begins_with: int, counts_threads: bool) -> None:
    """Lower this process's limits; lower ones stay.

    Args:
        allowance: Its maximum resources.
        begins_with: Bytes of address space that it has now.
        counts_threads: True when the kernel counts this process's threads separately from those of
            its user.
    """
    kept = {
        resource.RLIMIT_AS: begins_with + allowance.memory_bytes,
        resource.RLIMIT_CPU: allowance.cpu_seconds,
        # No descriptor is left for a file that is opened later.
        resource.RLIMIT_NOFILE: _STANDARD_FILES,
    }
    refused = (
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_CORE,
        resource.RLIMIT_MEMLOCK,
        resource.RLIMIT_MSGQUEUE,
    )
    kept |= dict.fromkeys(refused, 0)
    if not allowance.threads or counts_threads:
        kept[resource.RLIMIT_NPROC] = allowance.threads and allowance.threads + 1
    for kind, most in kept.items():
        highest = resource.getrlimit(kind)[1]
        bound = most if highest == resource.RLIM_INFINITY else min(most, highest)
        resource.setrlimit(kind, (bound, bound))
