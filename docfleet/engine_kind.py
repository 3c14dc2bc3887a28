"""The engines that the infer workers of a stack can hold."""

from __future__ import annotations

from enum import StrEnum


class EngineKind(StrEnum):
    """Which engine the infer workers hold."""

    VLLM = "vllm"
    """The real one."""
    SCRIPTED = "scripted"
    """Made-up answers, for trying out everything around the engine."""
