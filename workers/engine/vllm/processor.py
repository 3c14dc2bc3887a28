"""The machine's processor: its abilities, and the dtype of an engine on it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS_LINES = frozenset({"flags", "Features"})
"""Names of the line with the flags: x86's, then Arm's."""
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of bfloat16; the last one is Arm's."""


def cpu_dtype(flags: Collection[str]) -> str:
    """Return the dtype with which a processor computes fastest.

    A processor without bfloat16 emulates it, at a fraction of the speed of float32. vLLM's own
    `auto` follows the model and does not look at the processor.

    Args:
        flags: The processor's flags, from `read_flags`.
    """
    return "float32" if _BFLOAT16_FLAGS.isdisjoint(flags) else "bfloat16"


def read_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Return the processor's flags in the kernel's words; none when it lists none.

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
