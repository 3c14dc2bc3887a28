"""`[retention]`: time until records are forgotten."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class RetentionSettings(Section):
    """Retention of the ledger's records; dead letters stay until they are redriven or dropped."""

    closed_seconds: float = Field(
        default=30 * 86_400,
        gt=0,
        description="Keep longer than documents lie in the incoming bucket: what the ledger has "
        "forgotten and the bucket still holds is a new drop.",
    )
