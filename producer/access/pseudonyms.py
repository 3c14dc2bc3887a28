"""Names of tenants for strangers' eyes: the same each time, and no way back from them. Pure."""

from __future__ import annotations

import hashlib
import hmac

from schemas.job import DEFAULT_TENANT

_LENGTH = 10


class Pseudonyms:
    """Names that tell tenants apart and do not tell who they are.

    Args:
        secret: Without it, a name could be tried out.
    """

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(f"docfleet pseudonyms {secret}".encode()).digest()

    def of_tenant(self, tenant: str) -> str:
        """Return the name of a tenant; `default` is nobody's and stays."""
        if tenant == DEFAULT_TENANT:
            return tenant
        digest = hmac.new(self._key, tenant.encode(), hashlib.sha256).hexdigest()
        return f"tenant-{digest[:_LENGTH]}"

    def of_lane(self, lane: str) -> str:
        """Return the name of a lane, TENANT or TENANT~low."""
        tenant, tilde, rest = lane.partition("~")
        return self.of_tenant(tenant) + tilde + rest
