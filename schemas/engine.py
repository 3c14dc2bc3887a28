"""An engine as results and dead letters name it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.contract import Contract


class SamplingChoice(Contract):
    """How the engine chose the tokens of an answer."""

    temperature: float = Field(default=0, description="0 takes the most likely token.")
    top_p: float = 1
    seed: int | None = None
    frequency_penalty: float = 0
    presence_penalty: float = 0


class EngineVersion(Contract):
    """Version of the engine that answered."""

    kind: Literal["vllm", "scripted"]
    version: str
    model: str
    model_sha256: str = Field(description="Of the weights and the config, as the pool loaded them.")
