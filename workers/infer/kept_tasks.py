"""Kept results of the tasks of an unfinished job, in the work bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from ledger.claim import Claim
from schemas.document import S3Uri
from schemas.ids import result_key
from schemas.kept import KeptAnswer, KeptTasks
from schemas.result import MAX_RESULT_BYTES, TaskResult, TaskStatus
from schemas.task import NamedTask
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore
from workers.infer.answer import Answer
from workers.infer.work import Answers
from workers.objects import parsed, storage_failures

log = structlog.get_logger(__name__)


class Kept:
    """Kept results of earlier attempts, by job.

    Args:
        store: Holds one object for each job, which the holder of its lease writes.
        bucket: The work bucket.
    """

    def __init__(self, store: ObjectStore, bucket: str) -> None:
        self._store = store
        self._bucket = bucket

    async def load(self, claim: Claim) -> KeptTasks:
        """Return the results of earlier attempts; none when there is no object."""
        nothing = KeptTasks(redrive=claim.redrives, tasks={})
        if claim.kept_uri is None:
            return nothing
        with storage_failures():
            try:
                data = await self._store.get(claim.kept_uri, max_bytes=MAX_RESULT_BYTES)
            except ObjectMissingError:
                return nothing  # the results can be made again
            return parsed(KeptTasks, data, claim.kept_uri)

    async def store(
        self, claim: Claim, results: Mapping[str, TaskResult], answers: Answers
    ) -> S3Uri | None:
        """Keep the results, and return their URI; the former URI when there is nothing to add."""
        if not results and not any(answers.by_task.values()):
            return claim.kept_uri
        uri = f"s3://{self._bucket}/kept/{result_key(claim.id)}"
        kept = KeptTasks(
            redrive=claim.redrives, tasks=dict(results), answers=_kept_answers(answers)
        )
        data = kept.model_dump_json(exclude_none=True).encode()
        if len(data) > MAX_RESULT_BYTES:
            log.warning("task results are too large to keep", bytes=len(data))
            return claim.kept_uri
        with storage_failures():
            await self._store.put(uri, data, media_type="application/json")
        return uri


def reusable(
    results: Mapping[str, TaskResult], tasks: Iterable[NamedTask], *, failed_too: bool
) -> dict[str, TaskResult]:
    """Return the results that still count: a redrive runs again the tasks that did not succeed.

    Args:
        results: Results by task.
        tasks: The tasks as they are now.
        failed_too: True when a failed task must not run again.
    """
    return {
        task.name: results[task.name]
        for task in tasks
        if task.name in results
        and results[task.name].version == task.version
        and (failed_too or results[task.name].status is TaskStatus.SUCCEEDED)
    }


def answers_of(kept: KeptTasks) -> Answers:
    """Return the answers that earlier attempts left."""
    return Answers(
        {
            task: {key: Answer(one.data, one.confidence) for key, one in answers.items()}
            for task, answers in kept.answers.items()
        }
    )


def _kept_answers(answers: Answers) -> dict[str, dict[str, KeptAnswer]]:
    return {
        task: {
            key: KeptAnswer(data=one.data, confidence=dict(one.confidence))
            for key, one in of_task.items()
        }
        for task, of_task in answers.by_task.items()
    }
