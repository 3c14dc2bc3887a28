"""The keys of the HTTP API as the ledger keeps them: never the secret, only its digest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from redis.asyncio import Redis

from ledger.connection import available
from ledger.record import moment
from schemas import keys
from schemas.api_key import ApiKey, ApiKeyRequest, Scope


class StoredKey(NamedTuple):
    """A key and the sha256 of its secret, in hex."""

    key: ApiKey
    digest: str


class ApiKeys:
    """The keys of one fleet; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, key_id: str, digest: str, asked: ApiKeyRequest) -> ApiKey:
        """Write a key that is new.

        Args:
            key_id: Its public half.
            digest: The sha256 of its secret half, in hex.
            asked: What it is to be.

        Raises:
            LedgerFullError: Redis has no memory left.
        """
        created = await self._now()
        fields: dict[str, Any] = {
            "digest": digest,
            "label": asked.label,
            "scopes": " ".join(asked.scopes),
            "created": str(created),
        }
        if asked.tenant is not None:
            fields["tenant"] = asked.tenant
        expires = created + 1000 * (asked.expires_seconds or 0)
        if asked.expires_seconds is not None:
            fields["expires"] = str(expires)
        name = keys.API_KEY.format(id=key_id)
        words: list[Any] = [word for pair in fields.items() for word in pair]
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(name, items=words)
            if asked.expires_seconds is not None:
                pipe.pexpireat(name, expires)
            pipe.zadd(keys.API_KEYS, {key_id: created})
            await pipe.execute()
        return _read(key_id, fields, None).key

    async def find(self, key_id: str) -> StoredKey | None:
        """A key that works, or None: there is none, or it was revoked, or its time is up."""
        async with available():
            fields: Any = await self._redis.hgetall(keys.API_KEY.format(id=key_id))
        return _read(key_id, fields, None) if fields else None

    async def each(self) -> list[ApiKey]:
        """All that work, the oldest first."""
        async with available():
            ids: Any = await self._redis.zrange(keys.API_KEYS, 0, -1)
            async with self._redis.pipeline(transaction=True) as pipe:
                for key_id in ids:
                    pipe.hgetall(keys.API_KEY.format(id=key_id))
                pipe.hgetall(keys.API_KEYS_USED)
                *found, used = await pipe.execute()
        together = dict(zip(ids, found, strict=True))
        for key_id in (one for one, fields in together.items() if not fields):
            await self.remove(key_id)  # its time was up
        return [
            _read(key_id, fields, used.get(key_id)).key
            for key_id, fields in together.items()
            if fields
        ]

    async def remove(self, key_id: str) -> bool:
        """Revoke a key; gives whether there was one that worked."""
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(keys.API_KEY.format(id=key_id))
            pipe.zrem(keys.API_KEYS, key_id)
            pipe.hdel(keys.API_KEYS_USED, key_id)
            removed, *_ = await pipe.execute()
        return bool(removed)

    async def mark_used(self, key_id: str) -> None:
        """Remember that a key was used now."""
        now = await self._now()
        async with available():
            await self._redis.hset(keys.API_KEYS_USED, key_id, str(now))

    async def _now(self) -> int:
        """Unix milliseconds by Redis' clock."""
        async with available():
            seconds, micros = await self._redis.time()
        return int(seconds * 1000 + micros // 1000)


def _read(key_id: str, fields: Mapping[str, Any], used: str | None) -> StoredKey:
    key = ApiKey(
        id=key_id,
        label=fields["label"],
        scopes=tuple(Scope(word) for word in fields["scopes"].split()),
        tenant=fields.get("tenant"),
        created_at=moment(fields["created"]),
        expires_at=_moment(fields.get("expires")),
        last_used_at=_moment(used),
    )
    return StoredKey(key, fields["digest"])


def _moment(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None else moment(milliseconds)
