"""The audit log in Redis: entries are added and read, and never changed.

Each tenant has its own log, so that no tenant can push another's entries out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import CursorError
from ledger.page import Page
from ledger.record import from_unix_ms
from ledger.scripts import Scripts
from schemas.audit import AuditAction, AuditEntry

FLEET = "~fleet"
"""The log of entries that concern no tenant; no tenant's name has `~`."""
REFUSED = "~refused"
"""The log of refused keys: strangers can fill it, and no other log."""
MOST_ENTRIES = 5_000
"""Maximum entries of one log, about 250 bytes each; older ones are in the process's log only."""
_PLACE = re.compile(r"([0-9]{1,16})-([0-9]{1,16})\.(~?[a-z0-9_-]{1,63})")


class _Place(NamedTuple):
    """Place of an entry in the order of all logs; the newest is the greatest."""

    at_ms: int
    number: int
    log: str

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.number}.{self.log}"

    @classmethod
    def read(cls, text: str) -> _Place:
        """Read the cursor of an earlier page; raise CursorError for any other text."""
        parts = _PLACE.fullmatch(text)
        if parts is None:
            raise CursorError(f"{text!r} is no cursor: take `next_cursor` of an earlier page")
        return cls(int(parts[1]), int(parts[2]), parts[3])


class AuditLog:
    """The audit logs of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def append(self, log: str, fields: Mapping[str, str]) -> None:
        """Add an entry to a log, even when Redis is full.

        Args:
            log: A tenant's name, FLEET or REFUSED.
            fields: The fields of an AuditEntry, without those that Redis sets.
        """
        words = chain.from_iterable(fields.items())
        await self._scripts.run("audit", [keys.AUDIT.format(log=log)], [log, MOST_ENTRIES, *words])

    async def page(
        self, tenant: str | None, *, after: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        """Return some entries, the newest first.

        Args:
            tenant: The tenant of the log; None for all logs together.
            after: The cursor of an earlier page.
            limit: The maximum number of entries.

        Raises:
            CursorError: `after` is no cursor.
        """
        place = None if after is None else _Place.read(after)
        logs = await self._logs() if tenant is None else [tenant]
        async with available(), self._redis.pipeline(transaction=False) as pipe:
            for log in logs:
                pipe.xrevrange(keys.AUDIT.format(log=log), max=_before(place, log), count=limit + 1)
            answers: Sequence[Any] = await pipe.execute()
        found = [
            (_place(entry_id, log), fields)
            for log, entries in zip(logs, answers, strict=True)
            for entry_id, fields in entries
        ]
        found.sort(key=lambda one: one[0], reverse=True)
        shown = tuple(_read(*one) for one in found[:limit])
        return Page(shown, shown[-1].id if len(found) > limit else None)

    async def _logs(self) -> list[str]:
        async with available():
            return sorted(str(name) for name in await self._redis.smembers(keys.AUDITED))


def _before(place: _Place | None, log: str) -> str:
    """Return the start of an older page of a log, as XREVRANGE takes it."""
    if place is None:
        return "+"
    exclusive = "(" if log >= place.log else ""
    return f"{exclusive}{place.at_ms}-{place.number}"


def _place(entry_id: str, log: str) -> _Place:
    at_ms, _, number = entry_id.partition("-")
    return _Place(int(at_ms), int(number), log)


def _read(place: _Place, fields: Mapping[str, str]) -> AuditEntry:
    return AuditEntry(
        id=str(place),
        at=from_unix_ms(place.at_ms),
        action=AuditAction(fields["action"]),
        actor=fields["actor"],
        address=fields.get("address"),
        tenant=fields.get("tenant"),
        target=fields.get("target", ""),
        detail=fields.get("detail", ""),
    )
