"""A principal: who asks, as his key says, and what he may see and do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from producer.errors import ForbiddenError
from schemas.api_key import ApiKeyRequest, Scope
from schemas.job import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """Principal: the holder of a key.

    Attributes:
        key_id: Of his key; `bootstrap` for the one in DOCFLEET_API_KEY.
        tenant: Whose jobs he sees; None for the whole fleet's.
        scopes: What he may do.
        submits_as: The tenant that his new jobs belong to.
        expires_at: When his key ends; None for never.
    """

    key_id: str
    tenant: str | None
    scopes: frozenset[Scope]
    submits_as: str = DEFAULT_TENANT
    expires_at: datetime | None = None

    def check(self, scope: Scope) -> None:
        """Raise ForbiddenError unless he has the scope."""
        if scope not in self.scopes:
            raise ForbiddenError(f"this needs a key with the scope `{scope}`")

    def sees(self, tenant: str) -> bool:
        """Tell whether the principal may see a tenant's jobs."""
        return self.tenant in {None, tenant}

    def narrowed(self, tenant: str | None) -> str | None:
        """The tenant whose jobs are meant when he names one, or none; None means every tenant's.

        Raises:
            ForbiddenError: His key is another tenant's.
        """
        if tenant is not None and not self.sees(tenant):
            raise ForbiddenError(f"this key is tenant {self.tenant}'s, and opens nobody else's")
        return self.tenant if tenant is None else tenant

    def acting_for(self, tenant: str | None) -> Principal:
        """He himself, submitting for the tenant that he names.

        Raises:
            ForbiddenError: His key is another tenant's.
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
"""Whoever holds DOCFLEET_API_KEY."""
