"""`[limits]`: maximum cost of a document, of a schema and of a tenant."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class LimitSettings(Section):
    """Limits of one document's reading, one schema's compilation, and one tenant's storage."""

    document_bytes: int = Field(default=64 * 2**20, ge=1)
    inline_bytes: int = Field(
        default=8 * 2**20, ge=1, description="A request may have, its inline text included."
    )
    tenant_ledger_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Of the memory that Redis may use, for the records of one tenant.",
    )
    adapter_bytes: int = Field(
        default=2**30, ge=1, description="An adapter may have, its config and its weights."
    )
    adapter_cache_bytes: int = Field(
        default=8 * 2**30,
        ge=2**20,
        description="Adapters of the registry that a machine keeps for its workers.",
    )
    pages: int = Field(default=500, ge=1)
    sandbox_memory_bytes: int = Field(default=2 * 2**30, ge=2**28)
    sandbox_cpu_seconds: int = Field(default=30, ge=1)
    sandbox_wall_seconds: float = Field(default=60, gt=0)
    grammar_cpu_seconds: int = Field(
        default=10, ge=1, description="CPU that compiling one schema may take."
    )
    grammar_memory_bytes: int = Field(default=512 * 2**20, ge=2**26)
