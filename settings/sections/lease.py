"""`[lease]`: leases of workers on their jobs."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from settings.sections.section import Section


class LeaseSettings(Section):
    """Settings of leases: how soon a dead worker is noticed, and the attempts of a job."""

    seconds: float = Field(default=10, ge=1, description="A lease lives this long unless renewed.")
    heartbeat_seconds: float = Field(
        default=0.75, gt=0, description="Also how soon a worker hears that a job is cancelled."
    )
    sweep_seconds: float = Field(default=1, gt=0)
    grace_seconds: float = Field(
        default=3, gt=0, description="After this, an unclaimed message is looked for."
    )
    attempts: int = Field(default=3, ge=1, le=100, description="Charged attempts at each stage.")
    drain_seconds: float = Field(
        default=30, ge=0, description="After SIGTERM, work may finish for this long."
    )

    hang_seconds: float = Field(
        default=60,
        gt=0,
        description="A worker whose event loop stands still for so long is killed and restarted.",
    )
    start_seconds: float = Field(
        default=3600, gt=0, description="The same, before it is ready: it may be loading weights."
    )

    @model_validator(mode="after")
    def _beats_within_lease(self) -> Self:
        if self.heartbeat_seconds * 2 > self.seconds:
            raise ValueError("`seconds` must be at least twice `heartbeat_seconds`")
        if self.hang_seconds < self.seconds:
            raise ValueError("`hang_seconds` must be at least `seconds`, the length of a lease")
        return self
