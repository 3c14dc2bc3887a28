"""Routes to jobs, which producer/client.py implements."""

from __future__ import annotations

from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from producer.http.dependencies import ClientOfApp, JobId, Operates, Reads, RoomOfApp, Submits
from producer.http.job_stream import event_id, job_after, job_events
from producer.http.limits.answer import HeldResponse
from producer.http.limits.room import leave_turn
from producer.http.pages import ApiPage, PageQuery, page_response
from producer.http.problem import EVERYWHERE, documented
from producer.http.submission import FORM_TYPE, JSON_TYPE, reading_submission
from schemas.job import Job
from schemas.job_filter import JobFilter
from schemas.result import JobResult

_MOST_WAIT_SECONDS = 60
_EVENTS_TYPE = "text/event-stream"
_REQUEST_EXAMPLES = {
    "object": {
        "summary": "A document in a bucket",
        "value": {
            "document": {"uri": "s3://claims/2025/HM-1.pdf"},
            "tasks": ["fnol", "document-class"],
            "callback": {"url": "https://claims.example/docfleet"},
            "metadata": {"claim": "HM-1"},
        },
    },
    "text": {
        "summary": "Inline text",
        "value": {
            "document": {"text": "Claim HM-1: hail broke two skylights on 3 May."},
            "tasks": ["summary"],
            "priority": "high",
        },
    },
}
_SUBMIT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_TYPE: {
                "schema": {"$ref": "#/components/schemas/JobRequest"},
                "examples": _REQUEST_EXAMPLES,
            },
            FORM_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["request", "file"],
                    "additionalProperties": False,
                    "properties": {
                        "request": {"$ref": "#/components/schemas/JobTerms"},
                        "file": {"contentMediaType": "application/octet-stream"},
                    },
                },
                "encoding": {"request": {"contentType": JSON_TYPE}},
            },
        },
    }
}

_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One event of the stream.",
    "properties": {
        "event": {"const": "progress"},
        "id": {"type": "string"},
        "retry": {},
        "data": {
            "type": "string",
            "contentMediaType": JSON_TYPE,
            "contentSchema": {"$ref": "#/components/schemas/JobProgress"},
        },
    },
}
_LINKS = {
    operation: {"operationId": operation, "parameters": {"job_id": "$response.body#/id"}}
    for operation in ("getJob", "watchJob", "cancelJob")
}

jobs = APIRouter(
    prefix="/v1/jobs",
    tags=["jobs"],
    responses=EVERYWHERE,
)


class JobQuery(PageQuery, JobFilter):
    """Filter and page of jobs."""


class JobList(ApiPage[Job]):
    """A page of jobs, the newest first, without their histories."""

    next_cursor: str | None = Field(
        description="Of the page after this one, which may be there though this one is not full;"
        " null on the last."
    )


@jobs.post(
    "",
    operation_id="submitJob",
    summary="Submit a document and the tasks to run on it",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Job,
    openapi_extra=_SUBMIT_BODY,
    responses={
        202: {
            "headers": {"Location": {"schema": {"type": "string"}, "description": "The job."}},
            "links": _LINKS,
        },
        **documented(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.TOO_MANY_REQUESTS,
        ),
    },
)
async def submit_job(
    request: Request,
    client: ClientOfApp,
    room: RoomOfApp,
    asker: Submits,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="The same key makes the same job, however often it comes.",
            min_length=1,
            max_length=255,
        ),
    ] = None,
) -> Response:
    """Submit a job; the answer comes after the ledger has stored it.

    The document is a URI, a text in the request, or a file in a form.
    """
    async with reading_submission(request, client, room, asker) as submission:
        job = await client.submit(
            submission.request,
            name=submission.name,
            tenant=asker.submits_as,
            own_documents=asker.tenant is not None,
            idempotency_key=idempotency_key,
        )
    return _told(job, HTTPStatus.ACCEPTED, Location=f"/v1/jobs/{job.id}")


@jobs.get(
    "",
    operation_id="listJobs",
    summary="List jobs, the newest first",
    response_model=JobList,
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_jobs(
    query: Annotated[JobQuery, Query()], client: ClientOfApp, asker: Reads
) -> Response:
    """List jobs that meet all conditions; jobs past the retention are left out."""
    which = query.model_copy(update={"tenant": asker.narrowed(query.tenant)})
    page = await client.jobs(which, after=query.cursor, limit=query.limit)
    return page_response(page)


@jobs.get(
    "/{job_id}",
    operation_id="getJob",
    summary="Where a job stands",
    response_model=Job,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def get_job(
    job_id: JobId,
    request: Request,
    client: ClientOfApp,
    room: RoomOfApp,
    asker: Reads,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=_MOST_WAIT_SECONDS,
            description="Seconds to wait for a change of state, where the job has not ended.",
        ),
    ] = 0,
) -> Response:
    """Return state, attempts and, after a failure, the failure with its remedy."""
    if not wait:
        return _told(await client.job(job_id, asker.tenant))
    with await room.waiting.take(asker.submits_as):
        job = await client.job(job_id, asker.tenant)
        leave_turn(request)
        return _told(await job_after(client, job, asker, wait))


@jobs.get(
    "/{job_id}/events",
    operation_id="watchJob",
    summary="A job's progress as it happens",
    response_class=StreamingResponse,
    responses={
        200: {"content": {_EVENTS_TYPE: {"schema": _EVENT}}},
        204: {"description": "The job has ended, and its reader knows that."},
        **documented(HTTPStatus.NOT_FOUND),
    },
)
async def watch_job(
    job_id: JobId,
    request: Request,
    client: ClientOfApp,
    room: RoomOfApp,
    asker: Reads,
    last_event_id: Annotated[
        str | None, Header(description="What the reader saw last; it is not told again.")
    ] = None,
) -> Response:
    """Send server-sent events named `progress`, each a JobProgress, until the job has ended.

    The first event gives the present state; heartbeats are comments. A reader that reconnects after
    the end gets 204, on which an EventSource stays away.
    """
    with ExitStack() as held:
        place = held.enter_context(await room.waiting.take(asker.submits_as))
        job = await client.job(job_id, asker.tenant)
        if job.state.closed and last_event_id == event_id(job):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        leave_turn(request)
        held.pop_all()  # the response gives the place back
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = job_events(client, job, last_event_id, asker)
    return HeldResponse(events, place, media_type=_EVENTS_TYPE, headers=headers)


@jobs.get(
    "/{job_id}/result",
    operation_id="getResult",
    summary="What came out of a job",
    response_model=JobResult,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def get_result(
    job_id: JobId, request: Request, client: ClientOfApp, room: RoomOfApp, asker: Reads
) -> Response:
    """Return the result object as it lies in the bucket; 404 until there is one."""
    download = await client.open_result(job_id, asker.tenant)
    return await room.sent(download, request, asker.submits_as, media_type=JSON_TYPE)


@jobs.delete(
    "/{job_id}",
    operation_id="deleteJob",
    summary="Delete a job that has ended",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_job(job_id: JobId, client: ClientOfApp, asker: Operates) -> None:
    """Delete text, result, record and events that are not sent yet; the document stays."""
    await client.deletion.job(job_id, asker.tenant)


@jobs.post(
    "/{job_id}/cancel",
    operation_id="cancelJob",
    summary="Cancel a job",
    response_model=Job,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_job(job_id: JobId, client: ClientOfApp, asker: Operates) -> Response:
    """Cancel a job; a running job stays `running` until its worker hears of it."""
    return _told(await client.cancel(job_id, asker.tenant))


def _told(job: Job, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    body = job.model_dump_json(exclude_none=True)
    return Response(body, status, headers=headers, media_type=JSON_TYPE)
