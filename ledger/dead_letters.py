"""Dead letters: listed, redriven and, when somebody asks for it, dropped."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.adoptions import Adoption
from ledger.connection import available
from ledger.dead_letter import read_dead_letter
from ledger.errors import NotDeadError
from ledger.page import Cursor, Page, Stretch, first_page
from ledger.scripts import Scripts
from ledger.stored import read_whole
from ledger.token import new_token
from schemas.dead_letter import DeadLetter, DeadLetterFilter, Redrive
from schemas.document import DocumentRef
from schemas.job import JobSpec
from schemas.queues import infer_queue
from schemas.states import JobState

_BATCH = 200


class DeadLetterRecords:
    """The dead letters of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, record_id: str) -> DeadLetter | None:
        """Return a dead letter, or None for an unknown id."""
        letters = await self._read([record_id])
        return letters[0] if letters else None

    async def page(
        self, which: DeadLetterFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[DeadLetter]:
        """Return one page of the dead letters that meet the filter.

        Args:
            which: Conditions, which must all hold.
            after: The cursor of an earlier page.
            limit: The maximum number of letters.

        Raises:
            CursorError: `after` is no cursor.
        """
        return await first_page(self.each(which, after=after), limit, _place)

    async def each(
        self, which: DeadLetterFilter, *, after: str | None = None
    ) -> AsyncIterator[DeadLetter]:
        """Yield the letters that meet the filter, the newest first, without later deaths.

        Args:
            which: Conditions, which must all hold.
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
        newest, oldest_ms = Stretch.of(which, after)
        # Read all ids first: a redrive that runs meanwhile removes entries, so pages cannot be
        # counted.
        async with available():
            entries: Any = await self._redis.zrange(
                keys.DEAD, newest.at_ms, oldest_ms, desc=True, byscore=True, withscores=True
            )
        return [one for one, at_ms in entries if Cursor(int(at_ms), one) < newest]

    async def _read(self, ids: Sequence[str]) -> list[DeadLetter]:
        return [
            read_dead_letter(*record)
            for record in await read_whole(self._redis, ids)
            if record.fields.get("state") == JobState.DEAD
        ]

    async def redrive(self, record_id: str, how: Redrive, adoption: Adoption | None = None) -> bool:
        """Send a dead letter, or a partially succeeded job, round again.

        Args:
            record_id: A job or a delivery.
            how: The pool and the task versions, if they are to change.
            adoption: The drop that is the job's document, for a job that waited for it.

        Returns:
            True when there is such a record.

        Raises:
            NotDeadError: The record is neither.
        """
        pool = infer_queue(how.pool) if how.pool else ""
        versions = json.dumps(how.versions) if how.versions else ""
        adopted = ("", "")
        if adoption is not None:
            adopted = (adoption.drop, await self._spec_with(record_id, adoption.document))
        return await self._change("redrive", record_id, pool, versions, new_token(), *adopted)

    async def _spec_with(self, job_id: str, document: DocumentRef) -> str:
        async with available():
            text = await self._redis.hget(keys.record(job_id), "spec")
        spec = JobSpec.model_validate_json(text or "")
        return spec.model_copy(update={"document": document}).model_dump_json(exclude_defaults=True)

    async def drop(self, record_id: str) -> bool:
        """Count a dead letter as cancelled, and tell nobody.

        Returns:
            True when there is such a record.

        Raises:
            NotDeadError: The record is no dead letter.
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


def _place(letter: DeadLetter) -> Cursor:
    return Cursor.of(letter.dead_since, letter.id)
