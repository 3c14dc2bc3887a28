"""Principals: the holder of a key, and what that key may see and do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from producer.errors import ForbiddenError
from schemas.api_key import ApiKeyRequest, Scope
from schemas.job import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """Holder of a key.

    Attributes:
        key_id: Id of the key; `bootstrap` for the one in DOCFLEET_API_KEY.
        tenant: Tenant whose jobs are visible; None for all tenants.
        scopes: Permissions.
        submits_as: Tenant of new jobs.
        expires_at: End of the key's validity; None for never.
    """

    key_id: str
    tenant: str | None
    scopes: frozenset[Scope]
    submits_as: str = DEFAULT_TENANT
    expires_at: datetime | None = None

    def check(self, scope: Scope) -> None:
        """Raise ForbiddenError unless the principal has the scope."""
        if scope not in self.scopes:
            raise ForbiddenError(f"this needs a key with the scope `{scope}`")

    def check_fleet(self) -> None:
        """Raise ForbiddenError for a tenant's key."""
        if self.tenant is not None:
            raise ForbiddenError(
                f"this key is tenant {self.tenant}'s: all tenants share the registry, and only a"
                " key of the whole fleet changes it"
            )

    def sees(self, tenant: str) -> bool:
        """Tell whether the principal may see a tenant's jobs."""
        return self.tenant in {None, tenant}

    def narrowed(self, tenant: str | None) -> str | None:
        """Return the tenant that a request is about; None means every tenant.

        Raises:
            ForbiddenError: The key belongs to another tenant.
        """
        if tenant is not None and not self.sees(tenant):
            raise ForbiddenError(f"this key is tenant {self.tenant}'s, and opens nobody else's")
        return self.tenant if tenant is None else tenant

    def acting_for(self, tenant: str | None) -> Principal:
        """Return the principal as it submits for a named tenant.

        Raises:
            ForbiddenError: The key belongs to another tenant.
        """
        return replace(self, submits_as=self.narrowed(tenant) or DEFAULT_TENANT)

    def key_within(self, asked: ApiKeyRequest, now: datetime) -> ApiKeyRequest:
        """Return the request for a key, made for the tenant of the principal where it has one.

        Raises:
            ForbiddenError: The key would open another tenant, do more or work longer.
        """
        tenant = self.narrowed(asked.tenant)
        if more := [scope.value for scope in asked.scopes if scope not in self.scopes]:
            raise ForbiddenError(
                f"a key makes none that can do more than itself: this one lacks {', '.join(more)}"
            )
        lasts = asked.expires_seconds
        if self.expires_at is not None and lasts is not None:
            left = self.expires_at - now
            if timedelta(seconds=lasts) > left:
                raise ForbiddenError(
                    f"this key expires in {left.total_seconds():.0f} s, and makes none that works"
                    " longer: ask for that or less"
                )
        return asked.model_copy(update={"tenant": tenant})


BOOTSTRAP = Principal("bootstrap", tenant=None, scopes=frozenset(Scope))
"""Holder of DOCFLEET_API_KEY."""
