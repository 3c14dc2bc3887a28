"""Concurrency of each GPU kind: the value of a pool before it is measured."""

from __future__ import annotations

GPU_KINDS: dict[str, int] = {
    # Published: Roots' Mistral-7B at 8k tokens.
    "A100-80GB": 32,
    "T4": 4,
    # Measured here with a small model: documents/s are flat from 4 on.
    "CPU": 4,
    # Estimates, by the memory left for the KV cache of a 7B model at 8k tokens.
    "A100-40GB": 16,
    "A10G": 8,
    "L4": 8,
    "L40S": 24,
    "RTX-3090": 8,
    "RTX-4090": 12,
    "H100-80GB": 48,
    "H200": 96,
}
"""Engine requests at once, by GPU kind."""


def tuned_concurrency(gpu: str) -> int | None:
    """Return the engine requests at once for a GPU kind, or None for an unknown kind."""
    return GPU_KINDS.get(gpu)
