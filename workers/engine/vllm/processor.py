"""The machine's processor: what it can do, and what an engine on it computes with."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS_LINES = frozenset({"flags", "Features"})
"""The first is x86's, the second Arm's."""
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""The last is Arm's."""


def cpu_dtype(flags: Collection[str]) -> str:
    """Return the dtype that a processor computes fastest with.

    A processor without bfloat16 emulates it, at a fraction of the speed of float32. vLLM's own
    `auto` follows the model and does not look at the processor.

    Args:
        flags: What the processor can do, as `read_flags` gives it.
    """
    return "float32" if _BFLOAT16_FLAGS.isdisjoint(flags) else "bfloat16"


def read_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Return what the processor can do, in the kernel's words; nothing where it does not say.

    Args:
        cpuinfo: The kernel's list of processors.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in _FLAGS_LINES:
            return frozenset(value.split())
    return frozenset()
