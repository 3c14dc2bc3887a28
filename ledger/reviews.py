"""The reviews: listed, taken, accepted and corrected. A review is a part of its job's record."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import ReviewClosedError, ReviewTakenError
from ledger.indexed import indexed_tenants, older
from ledger.page import Cursor, Page, Stretch, each_of
from ledger.record import duration_ms, from_unix_ms
from ledger.scripts import Scripts
from ledger.stored import read_stored
from ledger.token import new_token
from schemas.document import S3Uri
from schemas.job import JOB_ID, JobSpec
from schemas.review import Review, ReviewFilter, ReviewState

_BATCH = 200
_LOOKED_AT = 2_000
"""Maximum reviews that are read for one page, however few of them meet the filter."""


class ReviewRecords:
    """The reviews of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, job_id: str) -> Review | None:
        """Return the review of a job's result, or None where there is none."""
        now = await self._now()
        found = await read_stored(self._redis, [job_id])
        return _read(found[0].id, found[0].fields, now) if found else None

    async def page(
        self, which: ReviewFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[Review]:
        """Return one page of the reviews that meet the filter, the newest first.

        Args:
            which: Conditions that all must hold.
            after: The cursor of an earlier page.
            limit: Maximum reviews; fewer does not mean that there are no more.

        Raises:
            CursorError: `after` is no cursor.
        """
        place, oldest_ms = Stretch.of(which, after, JOB_ID)
        tenants = [which.tenant] if which.tenant else await indexed_tenants(self._redis)
        names = [keys.REVIEWS.format(tenant=tenant) for tenant in tenants]
        now = await self._now()
        found: list[Review] = []
        looked_at = 0
        while looked_at < _LOOKED_AT:
            places = await older(self._redis, names, place, oldest_ms, _BATCH)
            if not places:
                return Page(tuple(found), None)
            for record in await read_stored(self._redis, [one.id for one in places]):
                review = _read(record.id, record.fields, now)
                if review is None or not _meets(review, which):
                    continue
                if len(found) == limit:
                    return Page(tuple(found), str(_place(found[-1])))
                found.append(review)
            place, looked_at = places[-1], looked_at + len(places)
        return Page(tuple(found), str(place))

    def each(self, which: ReviewFilter) -> AsyncIterator[Review]:
        """Iterate over the reviews that meet the filter, the newest first."""
        return each_of(lambda cursor: self.page(which, after=cursor))

    async def take(self, job_id: str, reviewer: str, seconds: float) -> bool:
        """Keep a review from other reviewers for a while.

        Returns:
            Whether there is such a review.

        Raises:
            ReviewTakenError: Another reviewer holds it.
            ReviewClosedError: It is completed.
        """
        return await self._change("take", job_id, reviewer, duration_ms(seconds))

    async def accept(self, job_id: str, reviewer: str) -> bool:
        """Close a review: the result is right; returns and raises what `take` does."""
        return await self._change("accept", job_id, reviewer, new_token())

    async def correct(self, job_id: str, reviewer: str, correction_uri: S3Uri) -> bool:
        """Close a review with a correction; returns and raises what `take` does."""
        return await self._change("correct", job_id, reviewer, new_token(), correction_uri)

    async def _change(self, script: str, job_id: str, reviewer: str, *more: str | int) -> bool:
        outcome, detail = await self._scripts.run(
            f"{script}_review", [keys.record(job_id)], [job_id, reviewer, *more]
        )
        if outcome == "taken":
            raise ReviewTakenError(f"{detail} reviews {job_id}: wait, or take another one")
        if outcome == "closed":
            raise ReviewClosedError(f"the review of {job_id} is completed: it is {detail}")
        return bool(outcome == "done")

    async def _now(self) -> datetime:
        async with available():
            seconds, micros = await self._redis.time()
        return from_unix_ms(seconds * 1000 + micros // 1000)


def _read(job_id: str, fields: Mapping[str, str], now: datetime) -> Review | None:
    """Read the review of a job's record; one whose time is over is open again."""
    if "review_state" not in fields:
        return None
    spec = JobSpec.model_validate_json(fields["spec"])
    state = ReviewState(fields["review_state"])
    until = from_unix_ms(fields["review_until"]) if "review_until" in fields else None
    lapsed = state is ReviewState.TAKEN and until is not None and until <= now
    return Review(
        job_id=job_id,
        state=ReviewState.OPEN if lapsed else state,
        tenant=spec.tenant,
        reasons=json.loads(fields["review"]),
        tasks=spec.tasks,
        document=spec.document,
        metadata=spec.metadata,
        opened_at=from_unix_ms(fields["review_opened"]),
        reviewer=None if lapsed else fields.get("reviewer"),
        taken_until=None if lapsed else until,
        completed_at=from_unix_ms(fields["review_closed"]) if "review_closed" in fields else None,
        result_uri=fields.get("result"),
        correction_uri=fields.get("correction"),
    )


def _meets(review: Review, which: ReviewFilter) -> bool:
    return which.state in {None, review.state} and which.task in {None, *review.tasks}


def _place(review: Review) -> Cursor:
    return Cursor.of(review.opened_at, review.job_id)
