"""Status of a fleet, as its ledger knows it."""

from __future__ import annotations

from pydantic import Field

from schemas.contract import Contract


class PoolStatus(Contract):
    """One line of jobs, and the workers that serve it."""

    name: str = Field(description="A pool, or one of `prepare`, `deliver` and `batch`.")
    queued: int = Field(ge=0, description="Records that no worker holds yet.")
    running: int = Field(ge=0, description="Records that a worker holds.")
    workers: int = Field(ge=0, description="Live workers.")
    slots: int = Field(ge=0, description="Records that the live workers can hold at once.")
    oldest_seconds: float = Field(ge=0, description="Age of the oldest record in line; 0 for none.")


class FleetStatus(Contract):
    """Status of a fleet."""

    pools: tuple[PoolStatus, ...]
    waiting: int = Field(ge=0, description="Records that wait for their next attempt.")
    dead_letters: int = Field(ge=0)
    redis_bytes: int = Field(ge=0, description="Memory that Redis uses.")
    problems: tuple[str, ...] = Field(
        default=(), description="What stands still, and what to do; empty in a healthy fleet."
    )
    healthy: bool = Field(description="False when anything stands still.")
