"""The HTTP API: routes and what OpenAPI says of them. What they do is in client.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Header, Response

from ledger.errors import LedgerUnavailableError
from producer.api_dead_letters import dead_letters
from producer.api_guard import Guard
from producer.api_parameters import ClientOfApp, JobId, bearer
from producer.client import open_client
from producer.metrics import metrics_text
from producer.openai_batches import batches as openai_batches
from producer.openai_chat import chat as openai_chat
from producer.openai_chat import chat_schemas
from producer.openai_files import files as openai_files
from producer.openai_models import models as openai_models
from producer.problem import add_problem_handlers, documented, problem_schemas
from schemas.event import JobEvent
from schemas.job import Job, JobRequest
from schemas.result import JobResult
from settings.errors import SettingsError
from settings.fleet import FleetSettings

_HEALTH_SECONDS = 2
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_VERSION = "1"
_FORM_BYTES = 2**20
"""What may stand around a file in its form."""
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
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

jobs = APIRouter(
    prefix="/v1/jobs",
    tags=["jobs"],
    dependencies=[bearer],
    responses=documented(HTTPStatus.UNAUTHORIZED, _UNAVAILABLE),
)
status = APIRouter(tags=["status"], responses=documented(_UNAVAILABLE))


@jobs.post(
    "",
    operation_id="submitJob",
    summary="Submit a document and the tasks to run on it",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    responses={
        202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "The job."}}},
        **documented(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY),
    },
)
async def submit_job(
    body: Annotated[JobRequest, Body(openapi_examples=_REQUEST_EXAMPLES)],
    client: ClientOfApp,
    response: Response,
    idempotency_key: Annotated[
        str | None, Header(description="The same key makes the same job, however often it comes.")
    ] = None,
) -> Job:
    """The job is accepted once it stands in the ledger; the answer comes after that."""
    job = await client.submit(body, idempotency_key=idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@jobs.get(
    "/{job_id}",
    operation_id="getJob",
    summary="Where a job stands",
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def get_job(job_id: JobId, client: ClientOfApp) -> Job:
    """State, attempts and, where something went wrong, the failure with its remedy."""
    return await client.job(job_id)


@jobs.get(
    "/{job_id}/result",
    operation_id="getResult",
    summary="What came out of a job",
    response_model=JobResult,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def get_result(job_id: JobId, client: ClientOfApp) -> Response:
    """The result object as it lies in the bucket; 404 until there is one."""
    return Response(await client.result_bytes(job_id), media_type="application/json")


@jobs.post(
    "/{job_id}/cancel",
    operation_id="cancelJob",
    summary="Cancel a job",
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_job(job_id: JobId, client: ClientOfApp) -> Job:
    """A running job is cancelled as soon as its worker hears of it; till then it is `running`."""
    return await client.cancel(job_id)


@status.get("/healthz", operation_id="getHealth", summary="Whether the ledger can be reached")
async def get_health(client: ClientOfApp) -> dict[str, str]:
    """200 when Redis answers."""
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            await client.ping()
    except TimeoutError:
        raise LedgerUnavailableError(f"Redis has not answered for {_HEALTH_SECONDS} s") from None
    return {"status": "ok"}


@status.get(
    "/metrics",
    operation_id="getMetrics",
    summary="The ledger's depth for Prometheus",
    response_class=Response,
    responses={200: {"content": {_METRICS_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_metrics(client: ClientOfApp) -> Response:
    """Jobs by queue and place, capacity, workers, dead letters, and how jobs ended."""
    return Response(metrics_text(await client.depth()), media_type=_METRICS_TYPE)


class Api(FastAPI):
    """An app whose OpenAPI has the schema of a problem."""

    def openapi(self) -> dict[str, Any]:
        """The app's description."""
        schema = super().openapi()
        schema["components"]["schemas"] = {
            **problem_schemas(),
            **chat_schemas(),
            **schema["components"]["schemas"],
        }
        return schema


def create_app(settings: FleetSettings) -> FastAPI:
    """The app; it holds a client from now on, and lets it go when it is shut down.

    Args:
        settings: The fleet's.

    Raises:
        SettingsError: There is no API key, no Redis is named, or a task file is not valid.
    """
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    if not key:
        raise SettingsError("set DOCFLEET_API_KEY: the API serves nobody without a key")
    client = open_client(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await client.close()

    app = Api(
        title="docfleet",
        version=_VERSION,
        summary="Business documents in, structured results out.",
        lifespan=lifespan,
    )
    app.state.client = client
    app.include_router(jobs)
    app.include_router(dead_letters)
    for routes in (openai_models, openai_chat, openai_files, openai_batches):
        app.include_router(routes)
    app.include_router(status)
    app.webhooks.add_api_route(
        "job-ended",
        _job_ended,
        methods=["POST"],
        operation_id="jobEnded",
        summary="A job has ended",
        status_code=HTTPStatus.NO_CONTENT,
    )
    add_problem_handlers(app)
    app.add_middleware(
        Guard,
        key=key,
        body_bytes=settings.limits.document_bytes,
        form_bytes=settings.openai.file_bytes + _FORM_BYTES,
    )
    return app


def _job_ended(event: JobEvent) -> None:
    """Sent to the job's callback, signed as Standard Webhooks says; answer with any 2xx."""
