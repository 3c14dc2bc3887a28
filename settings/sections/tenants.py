"""`[tenants]`: shares of the fleet."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class TenantSettings(Section):
    """Limits of one tenant."""

    weight: float = Field(default=1, gt=0, description="Its share where tenants compete.")
    max_queued: int = Field(default=0, ge=0, description="Most jobs in line; 0 for any number.")
    max_stored_bytes: int = Field(
        default=0,
        ge=0,
        description="Of the ledger, for all its records; 0 for `limits.tenant_ledger_share`.",
    )
    max_in_flight: int = Field(
        default=0, ge=0, description="Most jobs out at once in each queue; 0 for any number."
    )
