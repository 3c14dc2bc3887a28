"""Action of `docfleet submit`: upload, submit and, if asked for, wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docfleet.commands.errors import StillRunningError
from docfleet.commands.texts.job import job_line, scorecard_lines, task_lines
from producer.client import Client, connect
from producer.errors import WaitTimeoutError
from producer.local_document import check_document
from schemas.job import DocumentSource, Job, JobRequest
from schemas.result import JobResult
from schemas.states import JobState
from settings.fleet import FleetSettings

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """Order of the user to submit documents.

    Attributes:
        documents: Paths and S3 URIs.
        request: Request for each document, without the document.
        wait_seconds: Maximum seconds to wait for the end; None for no wait.
        as_json: True to print JSON, one line for each document.
    """

    documents: Sequence[str]
    request: Mapping[str, Any]
    wait_seconds: float | None
    as_json: bool


async def run_order(
    settings: FleetSettings, order: SubmitOrder, say: Callable[[str], None]
) -> bool:
    """Submit each document; submit none if one of them is not valid.

    Args:
        settings: The fleet's.
        order: The order.
        say: Prints a line.

    Returns:
        True when each job succeeded, or was submitted without waiting.

    Raises:
        StillRunningError: A job had not ended when the time was up.
        RequestError: The request is not valid; the producer, the ledger and the store raise further
            errors.
    """
    requests = [_request(order, document) for document in order.documents]
    for document in filter(_is_path, order.documents):
        check_document(Path(document), max_bytes=settings.limits.document_bytes)
    async with connect(settings) as client:
        client.submitter.check_asked(requests[0].tasks)
        room = asyncio.Semaphore(_AT_ONCE)

        async def submit(document: str, request: JobRequest) -> Job:
            async with room:
                job = await _submit(client, document, request)
            if order.wait_seconds is None:
                _tell(order, say, job, document)
                return job
            return await _wait(client, order, say, job, document)

        jobs = await asyncio.gather(*map(submit, order.documents, requests))
    return order.wait_seconds is None or _all_succeeded(jobs, order.wait_seconds)


def _is_path(document: str) -> bool:
    return "://" not in document


def _request(order: SubmitOrder, document: str) -> JobRequest:
    # The upload gives a path its URI; until then the request needs a placeholder.
    source = {"text": document} if _is_path(document) else {"uri": document}
    return JobRequest.model_validate({**order.request, "document": source})


async def _submit(client: Client, document: str, request: JobRequest) -> Job:
    if not _is_path(document):
        return await client.submit(request)
    path = Path(document)
    uploaded = DocumentSource(uri=await client.upload(path))
    return await client.submit(request.model_copy(update={"document": uploaded}), name=path.name)


async def _wait(
    client: Client, order: SubmitOrder, say: Callable[[str], None], job: Job, document: str
) -> Job:
    """Wait for a job's end and print it; print a job that goes on as it is."""
    try:
        job = await client.wait(job.id, timeout_seconds=order.wait_seconds)
    except WaitTimeoutError as error:
        job = error.job
    result = await client.result(job.id) if job.result_uri else None
    _tell(order, say, job, document, result)
    return job


def _tell(
    order: SubmitOrder,
    say: Callable[[str], None],
    job: Job,
    document: str,
    result: JobResult | None = None,
) -> None:
    if order.as_json:
        told = job.public()
        if result:
            told["result"] = result.model_dump(mode="json", exclude_none=True)
        say(json.dumps(told, ensure_ascii=False))
        return
    say(job_line(job, document))
    if result and (len(order.documents) == 1 or job.state is not JobState.SUCCEEDED):
        for line in (*task_lines(result), *scorecard_lines(result)):
            say(line)


def _all_succeeded(jobs: Sequence[Job], wait_seconds: float) -> bool:
    running = [job for job in jobs if not job.state.closed]
    if running:
        raise StillRunningError(
            f"{len(running)} of {len(jobs)} jobs had not ended after {wait_seconds:g} s;"
            " they go on: see `docfleet job ID`"
        )
    return all(job.state is JobState.SUCCEEDED for job in jobs)
