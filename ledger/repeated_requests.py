"""Repeated requests: a client that lost an answer sends again, so the ledger remembers outcomes."""

from __future__ import annotations

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available

_SECONDS = 900


class Posts:
    """Outcomes of requests, by tenant and digest of the request."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def made(self, tenant: str, digest: str) -> str | None:
        """Return the id that the same request made a short while ago, or None."""
        async with available():
            made = await self._redis.get(keys.POSTED.format(tenant=tenant, digest=digest))
        return None if made is None else str(made)

    async def remember(self, tenant: str, digest: str, record_id: str) -> None:
        """Remember the outcome of a request; the last one counts."""
        async with available():
            name = keys.POSTED.format(tenant=tenant, digest=digest)
            await self._redis.set(name, record_id, ex=_SECONDS)

    async def forget(self, tenant: str, digest: str) -> None:
        """Make the same request create something new when it comes again."""
        async with available():
            await self._redis.delete(keys.POSTED.format(tenant=tenant, digest=digest))
