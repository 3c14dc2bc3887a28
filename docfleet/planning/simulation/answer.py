"""Answer of a simulation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.contract import Contract

Method = Literal["documents", "aggregate"]


class Percentiles(Contract):
    """Seconds."""

    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class TenantAnswer(Contract):
    """Of one tenant."""

    documents: int
    wait: Percentiles
    response: Percentiles


class HourAnswer(Contract):
    """One hour."""

    hour: int = Field(description="From the start of the simulation.")
    arrived: int
    finished: int
    line: float = Field(description="Documents that waited, on average.")
    gpus: float = Field(description="GPUs that served, on average.")
    booting: float = Field(description="GPUs that were starting, on average.")
    p95: float | None = Field(description="Response time of those that arrived; None for none.")


class Simulation(Contract):
    """The answer."""

    schema_version: Literal["1"] = "1"
    method: Method = Field(description="`documents`: each was followed. `aggregate`: by ticks.")
    seed: int
    days: float
    documents: int = Field(description="That arrived.")
    finished: int
    unfinished: int = Field(description="At the end, in line or in service.")
    restarted: int = Field(description="Times that a lost GPU sent a document back to the line.")
    wait: Percentiles = Field(description="From arrival to service; of the unfinished, so far.")
    response: Percentiles = Field(description="From arrival to result; of the finished.")
    gpu_hours: float = Field(description="Paid, starting included.")
    mean_gpus: float
    peak_gpus: int
    dollars: float
    dollars_per_document: float | None = Field(description="Of the finished; None for none.")
    utilisation: float = Field(description="Documents finished, over what full GPUs could have.")
    idle_share: float = Field(description="Share of the serving GPU time without any request.")
    booting_share: float = Field(description="Share of the paid GPU time before the first request.")
    spot_losses: int
    tenants: dict[str, TenantAnswer]
    hours: tuple[HourAnswer, ...]
