"""A tenant's callback secret, which signs events for the receivers that its jobs name."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.access.callback_secrets import CallbackSecrets as SecretRecords
from ledger.access.sealed_secret import shown_secrets
from ledger.access.secret_box import SecretBox
from producer.audit_trail import AuditTrail
from producer.callbacks.signing import new_secrets, resealed, rotated_out
from producer.errors import OperatorSignsError
from schemas.audit import AuditAction
from schemas.job import DEFAULT_TENANT
from schemas.webhooks.callback_secret import CallbackSecretInfo
from schemas.webhooks.endpoint import NewSecret, SecretRotation


class CallbackSecrets:
    """Callback secrets of the fleet's tenants.

    The default tenant's secret is DOCFLEET_CALLBACK_SECRET, and is not kept here. Every method may
    raise LedgerUnavailableError: try again later.

    Args:
        records: The secrets' records.
        box: Seals them.
        audit: Records new secrets.
    """

    def __init__(self, records: SecretRecords, box: SecretBox, audit: AuditTrail) -> None:
        self._records = records
        self._box = box
        self._audit = audit
        self._have_one: set[str] = {DEFAULT_TENANT}

    async def exists(self, tenant: str) -> bool:
        """Return whether events of a tenant's jobs can be signed."""
        if tenant not in self._have_one and (await self._records.get(tenant)).secrets:
            self._have_one.add(tenant)  # secrets are replaced, and never removed
        return tenant in self._have_one

    async def show(self, tenant: str) -> CallbackSecretInfo:
        """Return the facts about a tenant's secrets, without the secrets.

        Raises:
            OperatorSignsError: The tenant is the default tenant.
        """
        _check_own(tenant)
        found = await self._records.get(tenant)
        shown = shown_secrets(found.secrets, datetime.now(UTC))
        return CallbackSecretInfo(tenant=tenant, secrets=shown)

    async def rotate(self, tenant: str, how: SecretRotation) -> NewSecret:
        """Make a tenant's first secret or a new one; the old ones still sign for a while.

        Raises:
            OperatorSignsError: The tenant is the default tenant.
            SecretBoxError: There is no key to seal it with.
        """
        _check_own(tenant)
        while True:
            new, sealed = new_secrets(self._box)
            found = await self._records.get(tenant)
            old = rotated_out(self._box, found.secrets, how)
            if await self._records.replace(tenant, found, [*sealed, *old]):
                await self._audit.record(AuditAction.CALLBACK_SECRET_ROTATED, tenant=tenant)
                return new

    async def reseal(self) -> int:
        """Seal the secrets of all tenants with the first key; returns how many tenants have any.

        Raises:
            SecretBoxError: No key opens a secret.
        """
        count = 0
        async for tenant in self._records.tenants():
            found = await self._records.get(tenant)
            while not await self._records.replace(
                tenant, found, resealed(self._box, found.secrets)
            ):
                found = await self._records.get(tenant)
            count += 1
        await self._audit.record(AuditAction.SECRETS_RESEALED, detail=f"{count} tenants")
        return count


def _check_own(tenant: str) -> None:
    if tenant == DEFAULT_TENANT:
        raise OperatorSignsError(
            f"the tenant `{DEFAULT_TENANT}` signs with DOCFLEET_CALLBACK_SECRET: the operator of"
            " the fleet has it, and replaces it there"
        )
