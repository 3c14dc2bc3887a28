"""The engines that an infer worker can hold."""

from __future__ import annotations

from enum import StrEnum


class EngineKind(StrEnum):
    """Which engine an infer worker holds."""

    VLLM = "vllm"
    """The real one."""
    SCRIPTED = "scripted"
    """Made-up answers, for trying out everything around the engine."""
