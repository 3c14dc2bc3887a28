"""The table of GPU kinds.

Compute capabilities: https://developer.nvidia.com/cuda/gpus. Memory: NVIDIA's data sheets, in the
decimal gigabytes of the name. docs/gpus.md shows the table; a test holds the page to it.
"""

from __future__ import annotations

from settings.gpus.kind import CPU, OTHER, Capability, GpuKind

_GB = 10**9
_ESTIMATE = "estimate: memory left for the KV cache of a 7B model at 8k tokens"
_ROOTS = "published: Roots Automation, AWQ Mistral-7B at 8k tokens"
_MEASURED = "measured on 2 cores with a 135M model: flat from 4 on"

_VOLTA = Capability(7, 0)
_TURING = Capability(7, 5)
_A100 = Capability(8, 0)
_AMPERE = Capability(8, 6)
_ADA = Capability(8, 9)
_HOPPER = Capability(9, 0)
_BLACKWELL = Capability(10, 0)
_BLACKWELL_ULTRA = Capability(10, 3)
_GEFORCE_BLACKWELL = Capability(12, 0)


def _kind(
    name: str, capability: Capability, gigabytes: int, concurrency: int, source: str = _ESTIMATE
) -> GpuKind:
    return GpuKind(name, capability, gigabytes * _GB, concurrency, source)


_KINDS = (
    GpuKind(CPU, None, 0, 4, _MEASURED),
    _kind("V100-16GB", _VOLTA, 16, 4),
    _kind("V100-32GB", _VOLTA, 32, 12),
    _kind("T4", _TURING, 16, 4, _ROOTS),
    _kind("A100-40GB", _A100, 40, 16),
    _kind("A100-80GB", _A100, 80, 32, _ROOTS),
    _kind("A30", _A100, 24, 8),
    _kind("A10", _AMPERE, 24, 8),
    _kind("A10G", _AMPERE, 24, 8),
    _kind("A40", _AMPERE, 48, 24),
    _kind("RTX-3090", _AMPERE, 24, 8),
    _kind("RTX-A5000", _AMPERE, 24, 8),
    _kind("RTX-A6000", _AMPERE, 48, 24),
    _kind("L4", _ADA, 24, 8),
    _kind("L40", _ADA, 48, 24),
    _kind("L40S", _ADA, 48, 24),
    _kind("RTX-4090", _ADA, 24, 12),
    _kind("RTX-6000-Ada", _ADA, 48, 24),
    _kind("H100-80GB", _HOPPER, 80, 48),
    _kind("H100-NVL", _HOPPER, 94, 56),
    _kind("H200", _HOPPER, 141, 96),
    _kind("GH200", _HOPPER, 96, 56),
    _kind("B200", _BLACKWELL, 180, 128),
    _kind("B300", _BLACKWELL_ULTRA, 270, 192),
    _kind("RTX-5090", _GEFORCE_BLACKWELL, 32, 16),
    _kind("RTX-PRO-6000", _GEFORCE_BLACKWELL, 96, 56),
    GpuKind(OTHER, None, 0, None, "its owner sets `concurrency`"),
)

GPU_KINDS: dict[str, GpuKind] = {kind.name: kind for kind in _KINDS}
"""All kinds, by name."""
