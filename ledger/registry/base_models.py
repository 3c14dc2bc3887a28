"""Base models as the workers of the pools have them, for those who check adapters elsewhere."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from schemas.adapter import BaseModelEntry


class BaseModelRecords:
    """The base model of each pool; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, pool: str, entry: BaseModelEntry) -> None:
        """Write the base model of a pool, over an earlier one."""
        async with available():
            await self._redis.hset(keys.BASE_MODELS, pool, entry.model_dump_json(exclude_none=True))

    async def by_pool(self) -> dict[str, BaseModelEntry]:
        """Return the base models of all pools that ever had a worker."""
        async with available():
            found: Any = await self._redis.hgetall(keys.BASE_MODELS)
        return {str(pool): BaseModelEntry.model_validate_json(text) for pool, text in found.items()}
