"""Jobs, listed, watched and deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import JobOpenError
from ledger.indexed import indexed_tenants, older
from ledger.page import Cursor, Page, Stretch
from ledger.record import duration_ms, read_job
from ledger.scripts import Scripts
from ledger.stored import read_stored
from schemas.job import JOB_ID, Job
from schemas.job_filter import JobFilter, JobPosition
from schemas.states import JobState, Stage

_BATCH = 200
_LOOKED_AT = 2_000
"""Maximum jobs that are read for one page, even when few of them meet the filter."""


class Jobs:
    """The jobs of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def delete(self, job_id: str, *, remembered_seconds: float) -> bool:
        """Delete a job's record and its deliveries, those that are not acknowledged too.

        Args:
            job_id: Of a job that has ended.
            remembered_seconds: For how long no drop becomes it again.

        Returns:
            Whether there was such a job.

        Raises:
            JobOpenError: It has not ended, or its batch has yet to write what became of it.
        """
        outcome, state = await self._scripts.run(
            "delete_job", [keys.record(job_id)], [job_id, duration_ms(remembered_seconds)]
        )
        if outcome == "refused":
            reason = "its batch is not done" if state == "batch" else f"it is {state}: cancel it"
            raise JobOpenError(f"{job_id} cannot be deleted yet: {reason}")
        return bool(outcome == "deleted")

    async def page(
        self, which: JobFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[Job]:
        """Return one page of the jobs that meet the filter, without their histories.

        Args:
            which: Conditions, which must all hold.
            after: The cursor of an earlier page.
            limit: Maximum jobs of the page; a shorter page does not mean that there are no more.

        Raises:
            CursorError: `after` is no cursor.
        """
        place, oldest_ms = Stretch.of(which, after, JOB_ID)
        tenants = [which.tenant] if which.tenant else await indexed_tenants(self._redis)
        names = [keys.JOBS.format(tenant=tenant) for tenant in tenants]
        found: list[Job] = []
        looked_at = 0
        while looked_at < _LOOKED_AT:
            places = await older(self._redis, names, place, oldest_ms, _BATCH)
            for job in await self._read(which, [one.id for one in places]):
                if len(found) == limit:
                    last = found[-1]
                    return Page(tuple(found), str(Cursor.of(last.created_at, last.id)))
                found.append(job)
            if not places:
                return Page(tuple(found), None)
            place, looked_at = places[-1], looked_at + len(places)
        return Page(tuple(found), str(place))

    async def standings(self, job_ids: Sequence[str]) -> dict[str, JobPosition]:
        """Return the positions of these jobs by id; unknown ids are left out."""
        async with available(), self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hmget(keys.record(job_id), "state", "stage", "attempts")
            answers = await pipe.execute()
        return {
            job_id: JobPosition(JobState(state), Stage(stage), int(attempts))
            for job_id, (state, stage, attempts) in zip(job_ids, answers, strict=True)
            if state is not None and stage is not None
        }

    async def _read(self, which: JobFilter, ids: Sequence[str]) -> list[Job]:
        if which.state is not None or _asks_for_spec(which):
            async with available(), self._redis.pipeline(transaction=False) as pipe:
                for job_id in ids:
                    pipe.hmget(keys.record(job_id), "state", "spec")
                heads = await pipe.execute()
            ids = [job_id for job_id, head in zip(ids, heads, strict=True) if _meets(which, *head)]
        return [
            read_job(*record)
            for record in await read_stored(self._redis, ids)
            if which.state in {None, record.fields["state"]}
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
