"""Memory of the API's process: freed memory goes back to the system."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_BYTES = 128 * 2**10


def return_freed_memory() -> None:
    """Make glibc return each block of 128 KiB or more as soon as it is freed.

    By default, glibc raises that size to 32 MiB when large blocks come and go. Bodies and parts of
    uploads then lie in its heaps, one for each thread, which shrink only at their ends. Other C
    libraries lack this call and stay as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _BYTES)
        mallopt(_M_TRIM_THRESHOLD, _BYTES)
