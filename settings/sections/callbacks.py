"""`[callbacks]`: deliveries to receivers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from settings.allowed_network import AllowedNetwork
from settings.sections.section import Section


class CallbackSettings(Section):
    """Settings of webhooks: their sending, and the receivers that are allowed."""

    timeout_seconds: float = Field(default=20, gt=0, le=60)
    concurrency: int = Field(
        default=64, ge=1, le=1024, description="Deliveries that one worker sends at once."
    )
    allow_networks: tuple[str, ...] = Field(
        default=(),
        description="`NETWORK:PORT` or `NETWORK:FIRST-LAST`: not public, and sent to all the same.",
    )
    own_ports: tuple[int, ...] = Field(
        default=(),
        description="Of docfleet's own servers: never sent to at addresses that are not public.",
    )
    ports: tuple[int, ...] = Field(
        default=(80, 443, 8080, 8443), description="That may be sent to at public addresses."
    )
    registered_only: bool = Field(
        default=False, description="Whether jobs may name no callback: endpoints alone are told."
    )
    https_only: bool = Field(
        default=False, description="Whether every receiver has to be an https:// one."
    )
    disable_after_seconds: float = Field(
        default=5 * 86_400,
        gt=0,
        description="An endpoint that has only failed for so long is disabled.",
    )
    full_bytes: int = Field(
        default=2**20, ge=0, description="Results larger than this are left out of full events."
    )
    certificates_dir: Path | None = Field(
        default=None,
        description="Holds TENANT/NAME.pem, certificate and key, for its endpoints with mTLS.",
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates of authorities to trust beside the system's."
    )
    schedule_seconds: tuple[float, ...] = Field(
        default=(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        description="Waits between the attempts; after the last one the delivery is dead.",
    )

    @field_validator("allow_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            AllowedNetwork.parse(network)
        return networks
