"""Adapters of the registry: added once, promoted, retired, and never changed or deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import AdapterRetiredError, AdapterTakenError, TooManyAdaptersError
from ledger.indexed import older
from ledger.page import Cursor, Page, first_page
from ledger.record import from_unix_ms
from ledger.scripts import Scripts
from schemas.adapter import AdapterEntry, AdapterFilter, AdapterState, AdapterTerms

MOST_ADAPTERS = 10_000
"""Maximum adapters of a fleet: they use the ledger's memory for ever."""
_BATCH = 200
_LATEST_MS = 2**53


class AdapterRecords:
    """The adapters of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def add(
        self,
        terms: AdapterTerms,
        *,
        base: str,
        sha256: str,
        rank: int,
        target_modules: Iterable[str],
        size: int,
    ) -> AdapterEntry:
        """Write a new adapter, or return the present one with the same bytes and task.

        Args:
            terms: Name, version, task and notes.
            base: Its base model in fleet.toml.
            sha256: Digest of its bytes, which are already stored.
            rank: The highest rank of its modules.
            target_modules: Names of the layers that it changes.
            size: Bytes.

        Raises:
            AdapterTakenError: The name and version belong to other bytes or another task.
            TooManyAdaptersError: The fleet has its maximum number of adapters.
            LedgerFullError: Redis has no memory left.
        """
        ref = f"{terms.name}@{terms.version}"
        fields = {
            "task": terms.task,
            "base": base,
            "sha256": sha256,
            "rank": rank,
            "modules": " ".join(target_modules),
            "size": size,
            "notes": terms.notes,
        }
        flat = [word for pair in fields.items() for word in pair]
        outcome, *rest = await self._run("add_adapter", ref, MOST_ADAPTERS, *flat)
        if outcome == "taken":
            held = _entry(ref, rest)
            raise AdapterTakenError(
                f"{ref} is in the registry with the digest {held.sha256[:12]}, task {held.task} and"
                f" base {held.base}, and is never changed: give this one another version"
            )
        if outcome == "full":
            raise TooManyAdaptersError(f"a fleet has {MOST_ADAPTERS:,} adapters at most")
        return _entry(ref, rest)

    async def get(self, ref: str) -> AdapterEntry | None:
        """Return an adapter, or None for an unknown name or version."""
        async with available():
            fields: Any = await self._redis.hgetall(keys.ADAPTER.format(ref=ref))
        return _read(ref, fields) if fields else None

    async def promote(self, ref: str) -> AdapterEntry | None:
        """Make an adapter the default of its task; the former default is `added` again.

        Returns:
            The adapter, or None for an unknown one.

        Raises:
            AdapterRetiredError: It is retired.
        """
        outcome, *rest = await self._run("promote_adapter", ref)
        if outcome == "retired":
            raise AdapterRetiredError(
                f"{ref} is retired, and no new job runs on it: promote another version, or add"
                " its bytes under a new one"
            )
        return _entry(ref, rest) if outcome == "done" else None

    async def retire(self, ref: str) -> AdapterEntry | None:
        """Retire an adapter, and return it; None for an unknown one."""
        outcome, *rest = await self._run("retire_adapter", ref)
        return _entry(ref, rest) if outcome == "done" else None

    async def stable(self, tasks: Iterable[str]) -> dict[str, AdapterEntry]:
        """Return the default adapters of some tasks, by task; none for a task without one."""
        names = list(tasks)
        if not names:
            return {}
        async with available():
            refs: Any = await self._redis.hmget(keys.ADAPTERS_STABLE, names)
        found = [await self.get(ref) if ref else None for ref in refs]
        return {task: entry for task, entry in zip(names, found, strict=True) if entry is not None}

    async def page(
        self, which: AdapterFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[AdapterEntry]:
        """Return one page of the adapters that meet a filter, the newest first.

        Args:
            which: The filter.
            after: Cursor of that page; None for the first one.
            limit: Maximum adapters.

        Raises:
            CursorError: `after` is no cursor of an earlier page.
        """
        place = Cursor(_LATEST_MS, "") if after is None else Cursor.read(after)
        return await first_page(
            self._older(which, place), limit, lambda one: Cursor.of(one.added_at, one.ref)
        )

    async def _older(self, which: AdapterFilter, place: Cursor) -> AsyncIterator[AdapterEntry]:
        while places := await older(self._redis, [keys.ADAPTERS], place, 0, _BATCH):
            async with available(), self._redis.pipeline(transaction=False) as pipe:
                for one in places:
                    pipe.hgetall(keys.ADAPTER.format(ref=one.id))
                found = await pipe.execute()
            for one, fields in zip(places, found, strict=True):
                entry = _read(one.id, fields)
                if which.task in {None, entry.task} and which.state in {None, entry.state}:
                    yield entry
            place = places[-1]

    async def _run(self, script: str, ref: str, *arguments: Any) -> list[Any]:
        answer: list[Any] = await self._scripts.run(
            script, [keys.ADAPTER.format(ref=ref)], [ref, *arguments]
        )
        return answer


def _entry(ref: str, flat: list[str]) -> AdapterEntry:
    return _read(ref, dict(zip(flat[::2], flat[1::2], strict=True)))


def _read(ref: str, fields: Mapping[str, str]) -> AdapterEntry:
    name, _, version = ref.partition("@")
    return AdapterEntry(
        name=name,
        version=version,
        sha256=fields["sha256"],
        task=fields["task"],
        base=fields["base"],
        state=AdapterState(fields["state"]),
        rank=int(fields["rank"]),
        target_modules=tuple(fields["modules"].split()),
        size=int(fields["size"]),
        notes=fields["notes"],
        added_at=from_unix_ms(fields["added"]),
        changed_at=from_unix_ms(fields["changed"]),
    )
