"""`[api]`: connections and waiting requests of the HTTP API."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class ApiSettings(Section):
    """Limits of one API process."""

    connections: int = Field(
        default=2_048,
        ge=16,
        description="Maximum open connections; fewer where the process may open fewer files.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-For tells the client's.",
    )
    waiting: int = Field(
        default=1_024,
        ge=8,
        description="Maximum event streams, chats and other requests that wait for a job, in all;"
        " one tenant has a quarter of them.",
    )
