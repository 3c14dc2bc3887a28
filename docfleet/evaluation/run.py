"""A run: documents sent through a fleet, and scored as they come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docfleet.evaluation.scored import ScoredDocument
from docfleet.evaluation.scoring import row_list, rows_right, score_values
from docfleet.evaluation.truths import Case
from producer.client import Client
from producer.errors import WaitTimeoutError
from schemas.engine import EngineVersion
from schemas.job import DocumentSource, Job, JobRequest, Priority
from schemas.result import JobResult, TaskResult
from schemas.task import Task

_IN_FLIGHT = 64
"""Maximum jobs at a time: other work of the fleet goes on beside them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer for one document.

    Attributes:
        document: Scored.
        engine: Of the result, or None.
        adapter: Of the result, or None.
    """

    document: ScoredDocument
    engine: EngineVersion | None
    adapter: str | None


async def run_task(
    client: Client,
    task: Task,
    cases: Sequence[Case],
    *,
    timeout_seconds: float,
    advance: Callable[[], None],
) -> list[Answer]:
    """Send documents through a fleet, and score what comes back.

    Args:
        client: Of the fleet.
        task: To run on each.
        cases: Documents and truths.
        timeout_seconds: How long to wait for each job.
        advance: Called for each document that is done.
    """
    room = asyncio.Semaphore(_IN_FLIGHT)

    async def one(case: Case) -> Answer:
        async with room:
            job = await _ended(client, task, case, timeout_seconds)
            result = await client.result(job.id) if job.result_uri else None
        advance()
        return await asyncio.to_thread(_answer, task, case, job, result)

    return list(await asyncio.gather(*map(one, cases)))


async def _ended(client: Client, task: Task, case: Case, timeout_seconds: float) -> Job:
    request = JobRequest(
        document=DocumentSource(uri=await client.upload(case.path)),
        tasks=[task.name],
        priority=Priority.LOW,
    )
    job = await client.submit(request, name=case.path.name)
    try:
        return await client.wait(job.id, timeout_seconds=timeout_seconds)
    except WaitTimeoutError as error:
        return error.job


def _answer(task: Task, case: Case, job: Job, result: JobResult | None) -> Answer:
    given = result.tasks.get(task.name) if result else None
    document = score(task, case, given).model_copy(
        update={
            "job_id": job.id,
            "state": job.state if job.state.closed else None,
            "failure": _failure(job, given),
        }
    )
    adapter = given.adapter.name if given and given.adapter else None
    return Answer(document, result.engine if result else None, adapter)


def score(task: Task, case: Case, given: TaskResult | None) -> ScoredDocument:
    """Score one document; without a result, each value that it holds is missed."""
    values = score_values(given, case.truth, task.output_schema)
    name = row_list(case.truth.data)
    data = given.data if given is not None and given.data else {}
    return ScoredDocument(
        name=case.path.name,
        values=values,
        rows=len(case.truth.data[name]) if name else None,
        rows_given=len(data.get(name) or []) if name else None,
        rows_right=rows_right(values) if name else None,
        seconds=given.seconds if given else None,
    )


def _failure(job: Job, given: TaskResult | None) -> str | None:
    failure = (given.failure if given else None) or job.failure
    return failure.code if failure else None
