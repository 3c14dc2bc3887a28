"""An answer: data that is valid against its schema, and the engine's confidence in each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One usable answer of the engine.

    Attributes:
        data: Valid against the question's schema.
        confidence: From 0 to 1, by JSON pointer of a leaf value.
    """

    data: Any
    confidence: Mapping[str, float] = field(default_factory=dict)
