"""The audit log in Redis: entries are added and read, and nothing here changes one.

Each tenant has a log of its own, so that nobody can push another's entries out of it.
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
"""The log of what concerns no tenant; `~` stands in no tenant's name."""
REFUSED = "~refused"
"""The log of keys that opened nothing: strangers may write it full, and none of the others."""
MOST_ENTRIES = 5_000
"""Of one log, some 250 bytes each; what is older is in the process's log alone."""
_PLACE = re.compile(r"([0-9]{1,16})-([0-9]{1,16})\.(~?[a-z0-9_-]{1,63})")


class _Place(NamedTuple):
    """An entry's place in the order of all logs; the newest is the greatest."""

    at_ms: int
    number: int
    log: str

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.number}.{self.log}"

    @classmethod
    def read(cls, text: str) -> _Place:
        """Read the cursor of an earlier page; raises CursorError where it is none."""
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
        """Add an entry to a log, even where Redis is full.

        Args:
            log: A tenant's name, FLEET or REFUSED.
            fields: Of an AuditEntry, without what Redis knows best.
        """
        words = chain.from_iterable(fields.items())
        await self._scripts.run("audit", [keys.AUDIT.format(log=log)], [log, MOST_ENTRIES, *words])

    async def page(
        self, tenant: str | None, *, after: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        """Read some entries, the newest first.

        Args:
            tenant: Whose log; None for all logs together.
            after: The cursor of an earlier page.
            limit: The most of them.

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
    """Return where an older page of a log begins, as XREVRANGE takes it."""
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
