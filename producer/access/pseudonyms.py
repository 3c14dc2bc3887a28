"""Pseudonyms of tenants, for people who may not know them: stable, and not reversible. Pure."""

from __future__ import annotations

import hashlib
import hmac

from schemas.job import DEFAULT_TENANT

_LENGTH = 10


class Pseudonyms:
    """Names that tell tenants apart without showing who they are.

    Args:
        secret: Key of the pseudonyms; without it, anybody could test guesses.
    """

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(f"docfleet pseudonyms {secret}".encode()).digest()

    def of_tenant(self, tenant: str) -> str:
        """Return the pseudonym of a tenant; `default` stays as it is."""
        if tenant == DEFAULT_TENANT:
            return tenant
        digest = hmac.new(self._key, tenant.encode(), hashlib.sha256).hexdigest()
        return f"tenant-{digest[:_LENGTH]}"

    def of_lane(self, lane: str) -> str:
        """Return the name of a lane, TENANT or TENANT~low."""
        tenant, tilde, rest = lane.partition("~")
        return self.of_tenant(tenant) + tilde + rest
