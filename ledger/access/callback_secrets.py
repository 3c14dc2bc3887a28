"""Secrets that sign the callbacks of tenants' jobs, as Redis keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.access.sealed_secret import SealedSecret, read_secrets, write_secrets
from ledger.connection import available
from ledger.scripts import Scripts

_BATCH = 200


class StoredSecrets(NamedTuple):
    """A tenant's secrets, and the text that Redis holds.

    Attributes:
        text: Empty when the tenant never had any.
        secrets: The newest first; some may be out of use.
    """

    text: str
    secrets: tuple[SealedSecret, ...]


class CallbackSecrets:
    """The secrets of one ledger's tenants; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, tenant: str) -> StoredSecrets:
        """Return a tenant's secrets."""
        async with available():
            text: Any = await self._redis.get(keys.CALLBACK_SECRETS.format(tenant=tenant))
        return StoredSecrets(text or "", read_secrets(text) if text else ())

    async def replace(
        self, tenant: str, found: StoredSecrets, secrets: Sequence[SealedSecret]
    ) -> bool:
        """Replace the secrets that were found; return False when they changed meanwhile.

        Args:
            tenant: The owner of the secrets.
            found: The value that `get` returned.
            secrets: The new secrets, the newest first.
        """
        outcome = await self._scripts.run(
            "replace_secrets",
            [keys.CALLBACK_SECRETS.format(tenant=tenant)],
            [found.text, write_secrets(secrets)],
        )
        return bool(outcome == "done")

    async def tenants(self) -> AsyncIterator[str]:
        """Yield the tenants that have secrets, in no order; a new tenant may be missing."""
        every = keys.CALLBACK_SECRETS.format(tenant="*")
        async with available():
            async for name in self._redis.scan_iter(match=every, count=_BATCH):
                yield str(name).removeprefix(keys.CALLBACK_SECRETS.format(tenant=""))
