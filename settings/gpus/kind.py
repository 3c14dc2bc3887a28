"""A GPU kind and its compute capability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Capability(NamedTuple):
    """CUDA's compute capability: 8.0 is Ampere."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class GpuKind:
    """A device that a pool runs on.

    Attributes:
        name: Its name in `fleet.toml`.
        capability: Its compute capability; None for the CPU, and for a kind that is not known.
        memory_bytes: Its memory as sold; 0 for the CPU, and for a kind that is not known.
        concurrency: Engine requests at once before a pool is measured; None demands the owner's.
        source: Origin of the concurrency.
    """

    name: str
    capability: Capability | None
    memory_bytes: int
    concurrency: int | None
    source: str

    @property
    def is_cpu(self) -> bool:
        """Tell whether it is the machine's processor."""
        return self.name == CPU

    @property
    def is_other(self) -> bool:
        """Tell whether it is a kind outside of the table."""
        return self.name == OTHER


CPU = "CPU"
OTHER = "other"
