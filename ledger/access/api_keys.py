"""API keys in the ledger, which holds their digests and never their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import MakerRevokedError, TooManyKeysError
from ledger.record import duration_ms, from_unix_ms
from ledger.scripts import Scripts
from schemas.api_key import ApiKey, ApiKeyRequest, Scope

MOST_KEYS = 1000
"""Maximum keys of one tenant, and of the whole fleet: they use the ledger's memory."""


class StoredKey(NamedTuple):
    """A key and the sha256 of its secret, in hex."""

    key: ApiKey
    digest: str


class ApiKeys:
    """The keys of one fleet; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def add(
        self, key_id: str, digest: str, asked: ApiKeyRequest, *, maker: str | None = None
    ) -> ApiKey:
        """Write a key that is new; it ends with its maker, if not before.

        Args:
            key_id: The key's public half.
            digest: The sha256 of the key's secret half, in hex.
            asked: Tenant, scopes and expiry of the key.
            maker: The key that makes it; None for an operator.

        Raises:
            MakerRevokedError: The maker's key no longer works.
            TooManyKeysError: The tenant has its maximum number of keys.
            LedgerFullError: Redis has no memory left.
        """
        fields = {"digest": digest, "label": asked.label, "scopes": " ".join(asked.scopes)}
        lasts = "" if asked.expires_seconds is None else duration_ms(asked.expires_seconds)
        outcome, *times = await self._scripts.run(
            "make_key",
            [keys.API_KEY.format(id=key_id)],
            [
                key_id,
                maker or "",
                asked.tenant or "",
                lasts,
                MOST_KEYS,
                *(word for pair in fields.items() for word in pair),
            ],
        )
        if outcome == "no maker":
            raise MakerRevokedError(f"the key {maker} works no longer, and makes no other")
        if outcome == "full":
            whose = f"tenant {asked.tenant}" if asked.tenant else "the whole fleet"
            raise TooManyKeysError(f"{whose} has {MOST_KEYS:,} keys: revoke those that nobody uses")
        created, ends = times
        named = {"tenant": asked.tenant, "maker": maker, "expires": ends}
        stored = {name: value for name, value in named.items() if value}
        return _read(key_id, {**fields, "created": created, **stored}, None).key

    async def find(self, key_id: str) -> StoredKey | None:
        """Return a key that works, or None when it is unknown, revoked or expired."""
        async with available():
            fields: Any = await self._redis.hgetall(keys.API_KEY.format(id=key_id))
        return _read(key_id, fields, None) if fields else None

    async def each(self) -> list[ApiKey]:
        """Iterate over all valid keys, the oldest first."""
        async with available():
            ids: Any = await self._redis.zrange(keys.API_KEYS, 0, -1)
            async with self._redis.pipeline(transaction=True) as pipe:
                for key_id in ids:
                    pipe.hgetall(keys.API_KEY.format(id=key_id))
                pipe.hgetall(keys.API_KEYS_USED)
                *found, used = await pipe.execute()
        together = dict(zip(ids, found, strict=True))
        for key_id in (one for one, fields in together.items() if not fields):
            await self.remove(key_id, keep_made=True)  # the key has expired
        return [
            _read(key_id, fields, used.get(key_id)).key
            for key_id, fields in together.items()
            if fields
        ]

    async def remove(self, key_id: str, *, keep_made: bool = False) -> dict[str, str | None]:
        """Revoke a key and, unless `keep_made`, all keys that it made.

        Args:
            key_id: The key's public half.
            keep_made: True when the keys that it made keep working.

        Returns:
            The tenant of each key that worked until now; None for the whole fleet.
        """
        flat = await self._scripts.run("revoke_key", [], [key_id, int(keep_made)])
        return {str(one): tenant or None for one, tenant in zip(flat[::2], flat[1::2], strict=True)}

    async def mark_used(self, key_id: str) -> None:
        """Record that a key was used now."""
        now = await self._now()
        async with available():
            await self._redis.hset(keys.API_KEYS_USED, key_id, str(now))

    async def _now(self) -> int:
        """Return Unix milliseconds by Redis' clock."""
        async with available():
            seconds, micros = await self._redis.time()
        return int(seconds * 1000 + micros // 1000)


def _read(key_id: str, fields: Mapping[str, Any], used: str | None) -> StoredKey:
    key = ApiKey(
        id=key_id,
        label=fields["label"],
        scopes=tuple(Scope(word) for word in fields["scopes"].split()),
        tenant=fields.get("tenant"),
        created_at=from_unix_ms(fields["created"]),
        expires_at=_moment(fields.get("expires")),
        last_used_at=_moment(used),
        made_by=fields.get("maker"),
    )
    return StoredKey(key, fields["digest"])


def _moment(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None else from_unix_ms(milliseconds)
