"""Kinds of engines of an infer worker."""

from __future__ import annotations

from enum import StrEnum


class EngineKind(StrEnum):
    """Kind of an infer worker's engine."""

    VLLM = "vllm"
    """The real engine."""
    SCRIPTED = "scripted"
    """Made-up answers, for trials of everything around the engine."""
