"""Profiles and mixes: how fast a GPU kind reads which documents, and at what price.

A profile that was measured names what it was measured with; one that was not says from where its
figures are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from schemas.contract import Contract

Weights = tuple[Annotated[float, Field(ge=0)], ...]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Work(Contract):
    """The average document, in tokens."""

    input_tokens: int = Field(gt=0, description="Tokens of the prompts of all its tasks.")
    output_tokens: int = Field(gt=0, description="Tokens of the answers of all its tasks.")
    cached_share: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the input that the prefix cache holds."
    )


class Mix(Work):
    """Documents of a customer: their work, and when they come."""

    name: Name = "custom"
    source: str = Field(default="", description="From where the figures are.")
    spread: float = Field(
        default=0.5,
        ge=0,
        le=5,
        description="Standard deviation of a document's work, over its mean.",
    )
    hours: Weights | None = Field(
        default=None, min_length=24, max_length=24, description="Weight of each hour of the day."
    )
    weekdays: Weights | None = Field(
        default=None, min_length=7, max_length=7, description="Weight of each day, from Monday on."
    )
    month_end: float = Field(
        default=1.0, gt=0, description="Factor of the last three days of each month."
    )

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        for name in ("hours", "weekdays"):
            weights = getattr(self, name)
            if weights is not None and sum(weights) <= 0:
                raise ValueError(f"{name}: at least one weight is above 0")
        return self


class CurvePoint(Contract):
    """Speed at one number of concurrent requests."""

    concurrency: int = Field(gt=0)
    output_tokens_per_second: float = Field(gt=0, description="Of all requests together.")
    basis: Literal["measured", "published", "estimated"]


class Price(Contract):
    """Price of one GPU with its machine."""

    dollars_per_year: float = Field(gt=0)
    source: str

    @property
    def dollars_per_hour(self) -> float:
        """Return the price of an hour, of 8,760 a year."""
        return self.dollars_per_year / 8760


class Origin(Contract):
    """What a measured profile was measured with; a worker with other parts must not load it."""

    driver: str
    engine_version: str
    model_sha256: str
    adapter_sha256: tuple[str, ...] = ()


class Profile(Contract):
    """Speed of one GPU kind with one model, and the settings that give it."""

    schema_version: Literal["1"] = "1"
    name: Name
    gpu: str = Field(description="A GPU kind of docs/gpus.md.")
    model: str
    measured: bool = Field(description="False for published or estimated figures.")
    source: str = Field(description="How the figures came about.")
    origin: Origin | None = Field(default=None, description="Of a measured profile.")
    work: Work = Field(description="The documents that the curve holds for.")
    prefill_share: float = Field(
        ge=0,
        le=1,
        description="Share of the engine's time, at the tuned concurrency, that reading the input "
        "takes; it carries the curve over to other documents.",
    )
    concurrency: int = Field(gt=0, description="The tuned number of engine requests at once.")
    engine: dict[str, Any] = Field(
        default_factory=dict, description="Engine arguments, as in [pools.NAME.engine]."
    )
    curve: tuple[CurvePoint, ...] = Field(min_length=1)
    price: Price
    cold_start_seconds: float = Field(
        default=180.0, ge=0, description="From asking for a machine to its first document."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for before, after in pairwise(self.curve):
            if after.concurrency <= before.concurrency:
                raise ValueError("curve: its points stand in ascending order of concurrency")
        if self.curve[-1].concurrency < self.concurrency:
            raise ValueError("curve: it reaches to the tuned concurrency")
        if self.measured and self.origin is None:
            raise ValueError("a measured profile has an `origin`")
        return self
