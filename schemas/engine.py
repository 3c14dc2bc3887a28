"""An engine as results and dead letters name it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.contract import Contract


class EngineVersion(Contract):
    """Version of the engine that answered."""

    kind: Literal["vllm", "scripted"]
    version: str
    model: str
    model_sha256: str = Field(description="Of the weights and the config, as the pool loaded them.")
