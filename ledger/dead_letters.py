"""The dead letters: looked through, sent round again, dropped when somebody asks for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from ledger.connection import available
from ledger.dead_letter import read_dead_letter
from ledger.errors import CursorError, NotDeadError
from ledger.script import Scripts
from ledger.token import new_token
from schemas import keys
from schemas.dead_letter import DeadLetter, DeadLetterFilter, Redrive
from schemas.queues import infer_queue
from schemas.states import JobState

_BATCH = 200


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """Some dead letters, the newest first.

    Attributes:
        items: At most as many as asked for.
        next: The cursor of the page after this one; None on the last.
    """

    items: tuple[DeadLetter, ...]
    next: str | None


class DeadLetters:
    """The dead letters of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, record_id: str) -> DeadLetter | None:
        """A dead letter, or None when there is none of this id."""
        letters = await self._read([record_id])
        return letters[0] if letters else None

    async def page(
        self, which: DeadLetterFilter, *, after: str | None = None, limit: int = 100
    ) -> DeadLetterPage:
        """Some of those that meet the filter.

        Args:
            which: Conditions that all must hold.
            after: The cursor of an earlier page.
            limit: The most of them.

        Raises:
            CursorError: `after` is no cursor.
        """
        found: list[DeadLetter] = []
        async for letter in self.each(which, after=after):
            if len(found) == limit:
                return DeadLetterPage(tuple(found), _cursor(found[-1]))
            found.append(letter)
        return DeadLetterPage(tuple(found), None)

    async def each(
        self, which: DeadLetterFilter, *, after: str | None = None
    ) -> AsyncIterator[DeadLetter]:
        """Those that meet the filter, the newest first; none that dies from now on.

        Args:
            which: Conditions that all must hold.
            after: The cursor of an earlier page.

        Raises:
            CursorError: `after` is no cursor.
        """
        ids = await self._ids(which, after)
        for start in range(0, len(ids), _BATCH):
            for letter in await self._read(ids[start : start + _BATCH]):
                if _meets(letter, which):
                    yield letter

    async def _ids(self, which: DeadLetterFilter, after: str | None) -> list[str]:
        newest = "+inf" if which.before is None else f"({_milliseconds(which.before)}"
        oldest = "-inf" if which.after is None else str(_milliseconds(which.after))
        last_time, last_id = _read_cursor(after) if after is not None else (None, "")
        if last_time is not None:
            newest = str(last_time)
        # Ids are few bytes; a redrive that goes on meanwhile removes entries, so that no page can
        # begin where a count says.
        async with available():
            entries: Any = await self._redis.zrange(
                keys.DEAD, newest, oldest, desc=True, byscore=True, withscores=True
            )
        return [
            record_id
            for record_id, time in entries
            if last_time is None or time < last_time or record_id < last_id
        ]

    async def _read(self, ids: Sequence[str]) -> list[DeadLetter]:
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            for record_id in ids:
                pipe.hgetall(keys.record(record_id))
                pipe.lrange(keys.history(record_id), 0, -1)
            answers = iter(await pipe.execute())
        return [
            read_dead_letter(record_id, fields, history)
            for record_id, fields, history in zip(ids, answers, answers, strict=True)
            if fields.get("state") == JobState.DEAD
        ]

    async def redrive(self, record_id: str, how: Redrive) -> bool:
        """Send a dead letter, or a partially succeeded job, round again.

        Args:
            record_id: A job or a delivery.
            how: The pool and the task versions, where they matter.

        Returns:
            Whether there is such a record.

        Raises:
            NotDeadError: It is neither.
        """
        pool = infer_queue(how.pool) if how.pool else ""
        versions = json.dumps(how.versions) if how.versions else ""
        return await self._change("redrive", record_id, pool, versions, new_token())

    async def drop(self, record_id: str) -> bool:
        """Count a dead letter as cancelled, and tell nobody.

        Returns:
            Whether there is such a record.

        Raises:
            NotDeadError: It is no dead letter.
        """
        return await self._change("drop", record_id)

    async def _change(self, script: str, record_id: str, *arguments: str) -> bool:
        outcome, state = await self._scripts.run(
            script, [keys.record(record_id)], [record_id, *arguments]
        )
        if outcome == "refused":
            raise NotDeadError(f"{record_id} is no dead letter: it is {state}", JobState(state))
        return bool(outcome != "unknown")


def _meets(letter: DeadLetter, which: DeadLetterFilter) -> bool:
    return (
        which.code in {None, letter.failure.code}
        and which.tenant in {None, letter.tenant}
        and which.kind in {None, letter.kind}
        and (which.task is None or which.task in letter.tasks)
    )


def _cursor(letter: DeadLetter) -> str:
    return f"{_milliseconds(letter.dead_since)}-{letter.id}"


def _read_cursor(text: str) -> tuple[int, str]:
    score, dash, record_id = text.partition("-")
    if not dash or not score.isdecimal():
        raise CursorError(f"{text!r} is no cursor: take `next` of an earlier page")
    return int(score), record_id


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
