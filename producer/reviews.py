"""Reviews: a person takes a result that needs one, and accepts or corrects it."""

from __future__ import annotations

import asyncio
import copy
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ledger.errors import ReviewClosedError, ReviewTakenError
from ledger.ledger import Ledger
from ledger.page import Page
from producer.audit_trail import AuditTrail
from producer.errors import NoResultError, RequestError, UnknownReviewError
from schemas.audit import AuditAction
from schemas.document import S3Uri
from schemas.job import JOB_ID
from schemas.json_schema.edit import PointerError, put_value, value_at
from schemas.json_schema.pointer import pointer
from schemas.json_schema.validator import EndlessValidationError, answer_validator
from schemas.result import JobResult, TaskResult
from schemas.review import (
    ChangedValue,
    CorrectedTask,
    Correction,
    CorrectReview,
    Review,
    ReviewFilter,
)
from schemas.task import Task
from settings.fleet import FleetSettings
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore

_RESULT_BYTES = 64 * 2**20
_WRITE_SECONDS = 60
"""For which a review is held while its correction is written."""


class Reviews:
    """The reviews of a fleet.

    Every method may raise LedgerUnavailableError or StorageUnavailableError: try again later.
    Where a tenant is given, other tenants' reviews are as good as not there.

    Args:
        settings: The fleet's.
        ledger: The reviews.
        store: Results and corrections.
        tasks: The known tasks, by name.
        audit: Told of completed reviews.
    """

    def __init__(
        self,
        settings: FleetSettings,
        ledger: Ledger,
        store: ObjectStore,
        tasks: Mapping[str, Task],
        audit: AuditTrail,
    ) -> None:
        self._bucket = settings.results_bucket
        self._ledger = ledger
        self._store = store
        self._tasks = tasks
        self._audit = audit

    async def page(
        self, which: ReviewFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[Review]:
        """Return one page of the reviews that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor of an earlier page.
        """
        return await self._ledger.reviews.page(which, after=after, limit=limit)

    def each(self, which: ReviewFilter) -> AsyncIterator[Review]:
        """Iterate over the reviews that meet the filter, the newest first."""
        return self._ledger.reviews.each(which)

    async def get(self, job_id: str, tenant: str | None = None) -> Review:
        """Return the review of a job's result.

        Raises:
            UnknownReviewError: There is none.
        """
        review = await self._ledger.reviews.get(job_id) if JOB_ID.fullmatch(job_id) else None
        if review is None or tenant not in {None, review.tenant}:
            raise UnknownReviewError(f"there is no review of {job_id}")
        return review

    async def take(
        self, job_id: str, reviewer: str, seconds: float, tenant: str | None = None
    ) -> Review:
        """Keep a review from other reviewers for a while; its holder may take it again.

        Raises:
            UnknownReviewError: There is none.
            ReviewTakenError: Another reviewer holds it.
            ReviewClosedError: It is completed.
        """
        await self.get(job_id, tenant)
        await self._ledger.reviews.take(job_id, reviewer, seconds)
        return await self.get(job_id)

    async def accept(self, job_id: str, reviewer: str, tenant: str | None = None) -> Review:
        """Say that a result is right as it is; raises what `take` does."""
        await self.get(job_id, tenant)
        await self._ledger.reviews.accept(job_id, reviewer)
        return await self._completed(job_id)

    async def correct(
        self, job_id: str, request: CorrectReview, tenant: str | None = None
    ) -> Review:
        """Store a correction beside the result, and close the review.

        Raises:
            RequestError: A task or a place is not there, or a value is not valid.
            NoResultError: The result was deleted from the bucket.
            UnknownReviewError: And what else `take` raises.
        """
        review = await self.get(job_id, tenant)
        _check_json(request.values)
        # Nobody else completes it while the correction is written.
        await self._ledger.reviews.take(job_id, request.reviewer, _WRITE_SECONDS)
        result = await self.result(review)
        correction = await asyncio.to_thread(self._correction, review, result, request)
        uri = await self._stored(correction)
        try:
            await self._ledger.reviews.correct(job_id, request.reviewer, uri)
        except (ReviewClosedError, ReviewTakenError):
            await self._store.delete(uri)
            raise
        return await self._completed(job_id)

    async def result(self, review: Review) -> JobResult:
        """Return the result that a review is of.

        Raises:
            NoResultError: It was deleted from the bucket.
        """
        try:
            data = await self._store.get(review.result_uri or "", max_bytes=_RESULT_BYTES)
        except ObjectMissingError as error:
            job = await self._ledger.job(review.job_id)
            if job is None:
                raise UnknownReviewError(f"there is no review of {review.job_id}") from error
            raise NoResultError(f"{review.result_uri} was deleted from the bucket", job) from error
        return JobResult.model_validate_json(data)

    async def correction(self, review: Review) -> Correction | None:
        """Return the correction of a completed review; None where there is none."""
        if review.correction_uri is None:
            return None
        try:
            data = await self._store.get(review.correction_uri, max_bytes=2 * _RESULT_BYTES)
        except ObjectMissingError:
            return None
        return Correction.model_validate_json(data)

    def _correction(self, review: Review, result: JobResult, request: CorrectReview) -> Correction:
        tasks = {
            name: self._corrected(name, result.tasks.get(name), values)
            for name, values in request.values.items()
        }
        return Correction(
            job_id=review.job_id,
            tenant=review.tenant,
            redrive=result.redrive,
            reviewer=request.reviewer,
            actor=self._audit.actor,
            at=datetime.now(UTC),
            tasks=tasks,
        )

    def _corrected(
        self, name: str, result: TaskResult | None, values: Mapping[str, Any]
    ) -> CorrectedTask:
        if result is None:
            raise RequestError(f"values.{name}: the result has no such task")
        after = copy.deepcopy(result.data)
        changed: dict[str, ChangedValue] = {}
        for place, value in values.items():
            try:
                changed[place] = ChangedValue(before=value_at(after, place), after=value)
                after = put_value(after, place, value)
            except PointerError as error:
                raise RequestError(f"values.{name}: {error}") from error
        self._check(name, result.version, after)
        return CorrectedTask(
            version=result.version, before=result.data, after=after, changed=changed
        )

    def _check(self, name: str, version: str, data: Any) -> None:
        """Raise RequestError unless data is valid by the schema that the result has followed."""
        task = self._tasks.get(name)
        if task is None or task.version != version:
            return  # the schema that it followed is not known any more
        try:
            problem = next(answer_validator(task.output_schema).iter_errors(data), None)
        except (EndlessValidationError, RecursionError) as error:
            raise RequestError(f"values.{name}: the data cannot be validated") from error
        if problem is not None:
            place = pointer(problem.absolute_path)
            raise RequestError(f"values.{name}: {place} is not valid by the task's schema")

    async def _stored(self, correction: Correction) -> S3Uri:
        name = f"corrections/{correction.job_id}-{secrets.token_hex(8)}.json"
        uri = f"s3://{self._bucket}/{name}"
        data = correction.model_dump_json().encode()
        await self._store.create(uri, data, media_type="application/json")
        return uri

    async def _completed(self, job_id: str) -> Review:
        review = await self.get(job_id)
        await self._audit.record(
            AuditAction.REVIEWED, tenant=review.tenant, target=job_id, detail=review.state.value
        )
        return review


def _check_json(values: Mapping[str, Any]) -> None:
    """Raise RequestError for values that JSON cannot write: halves of characters, and NaN."""
    try:
        json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise RequestError("values: there is a value that JSON has no text for") from error
