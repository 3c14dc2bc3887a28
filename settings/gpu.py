"""The tuned concurrency of each GPU kind: where a pool starts before it is measured."""

from __future__ import annotations

from typing import NamedTuple


class TunedConcurrency(NamedTuple):
    """Engine requests at once, and whether a published measurement stands behind the number."""

    slots: int
    measured: bool


GPU_KINDS: dict[str, TunedConcurrency] = {
    "A100-80GB": TunedConcurrency(32, measured=True),
    "T4": TunedConcurrency(4, measured=True),
    "CPU": TunedConcurrency(4, measured=True),
    # Estimates, by memory left for the KV cache of a 7B model at 8k tokens.
    "A100-40GB": TunedConcurrency(16, measured=False),
    "A10G": TunedConcurrency(8, measured=False),
    "L4": TunedConcurrency(8, measured=False),
    "L40S": TunedConcurrency(24, measured=False),
    "RTX-3090": TunedConcurrency(8, measured=False),
    "RTX-4090": TunedConcurrency(12, measured=False),
    "H100-80GB": TunedConcurrency(48, measured=False),
    "H200": TunedConcurrency(96, measured=False),
}
"""For a 7B model and documents of some 8k tokens."""


def tuned_concurrency(gpu: str) -> int | None:
    """Engine requests at once for a GPU kind, or None where the kind is not known."""
    known = GPU_KINDS.get(gpu)
    return known.slots if known else None
