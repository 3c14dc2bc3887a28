"""The jobs, looked through without changing them: listed, and watched many at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from redis.asyncio import Redis

from ledger.connection import available
from ledger.errors import CursorError
from ledger.record import read_job
from schemas import keys
from schemas.job import JOB_ID, Job
from schemas.job_filter import JobFilter, Standing
from schemas.states import JobState, Stage

_BATCH = 200
_LOOKED_AT = 2_000
"""So many jobs are looked at for one page, however few of them meet the filter."""


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, the newest first, without their histories.

    Attributes:
        items: At most as many as asked for; fewer does not mean that there are no more.
        next: The cursor of the page after this one; None on the last.
    """

    items: tuple[Job, ...]
    next: str | None


class _Place(NamedTuple):
    """A job's place in the order of creation; the newest is the greatest."""

    created_ms: int
    job_id: str


_OLDEST = _Place(-1, "")


class Jobs:
    """The jobs of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def page(
        self, which: JobFilter, *, after: str | None = None, limit: int = 100
    ) -> JobPage:
        """Some of those that meet the filter.

        Args:
            which: Conditions that all must hold.
            after: The cursor of an earlier page.
            limit: The most of them.

        Raises:
            CursorError: `after` is no cursor.
        """
        newest = _Place(2**53, "")
        if which.before is not None:
            newest = _Place(_milliseconds(which.before), "")
        place = newest if after is None else min(newest, _read_cursor(after))
        oldest = 0 if which.after is None else _milliseconds(which.after)
        tenants = [which.tenant] if which.tenant is not None else await self._tenants()
        found: list[Job] = []
        looked_at = 0
        while looked_at < _LOOKED_AT:
            places = await self._older(tenants, place, oldest, _BATCH)
            for job in await self._read(which, [one.job_id for one in places]):
                if len(found) == limit:
                    return JobPage(tuple(found), _cursor(found[-1]))
                found.append(job)
            if not places:
                return JobPage(tuple(found), None)
            place, looked_at = places[-1], looked_at + len(places)
        return JobPage(tuple(found), f"{place.created_ms}-{place.job_id}")

    async def standings(self, job_ids: Sequence[str]) -> dict[str, Standing]:
        """Where each of some jobs stands, by id; those that are not there are left out."""
        async with available(), self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hmget(keys.record(job_id), "state", "stage", "attempts")
            answers = await pipe.execute()
        return {
            job_id: Standing(JobState(state), Stage(stage), int(attempts))
            for job_id, (state, stage, attempts) in zip(job_ids, answers, strict=True)
            if state is not None and stage is not None
        }

    async def _tenants(self) -> list[str]:
        async with available():
            return sorted(str(name) for name in await self._redis.smembers(keys.INDEXED))

    async def _older(
        self, tenants: Sequence[str], place: _Place, oldest: int, count: int
    ) -> list[_Place]:
        """The jobs of these tenants right before a place, the newest first."""
        names = [keys.JOBS.format(tenant=tenant) for tenant in tenants]
        while names:
            async with available(), self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    # Those created in the same millisecond are read once more, and left out below.
                    pipe.zrange(
                        name, place.created_ms, oldest, desc=True, byscore=True,
                        offset=0, num=count, withscores=True,
                    )  # fmt: skip
                answers = await pipe.execute()
            read = [[_Place(int(score), one) for one, score in entries] for entries in answers]
            # What a tenant has beyond what was read of it is older than its last.
            known_to = max((one[-1] for one in read if len(one) == count), default=_OLDEST)
            fresh = [one for places in read for one in places if known_to <= one < place]
            if fresh or known_to is _OLDEST:
                return sorted(fresh, reverse=True)[:count]
            count *= 4  # more of one millisecond than were read
        return []

    async def _read(self, which: JobFilter, ids: Sequence[str]) -> list[Job]:
        if which.state is not None or _asks_for_spec(which):
            async with available(), self._redis.pipeline(transaction=False) as pipe:
                for job_id in ids:
                    pipe.hmget(keys.record(job_id), "state", "spec")
                heads = await pipe.execute()
            ids = [job_id for job_id, head in zip(ids, heads, strict=True) if _meets(which, *head)]
        async with available(), self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hgetall(keys.record(job_id))
            records: list[Mapping[str, str]] = await pipe.execute()
        return [
            read_job(job_id, fields, ())
            for job_id, fields in zip(ids, records, strict=True)
            if fields and which.state in {None, fields["state"]}
        ]


def _meets(which: JobFilter, state: str | None, spec: str | None) -> bool:
    if state is None or spec is None or which.state not in {None, state}:
        return False
    if not _asks_for_spec(which):
        return True
    said = json.loads(spec)
    metadata = said.get("metadata", {})
    return (
        which.task in {None, *said["tasks"]}
        and which.document in {None, said["document"]["uri"]}
        and all(
            metadata.get(pair.partition("=")[0]) == pair.partition("=")[2]
            for pair in which.metadata
        )
    )


def _asks_for_spec(which: JobFilter) -> bool:
    return which.task is not None or which.document is not None or bool(which.metadata)


def _cursor(job: Job) -> str:
    return f"{_milliseconds(job.created_at)}-{job.id}"


def _read_cursor(text: str) -> _Place:
    score, dash, job_id = text.partition("-")
    if not dash or not JOB_ID.fullmatch(job_id) or not score.isdecimal() or not score.isascii():
        raise CursorError(f"{text!r} is no cursor: take `next_cursor` of an earlier page")
    return _Place(min(int(score), 2**53), job_id)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
