"""The HTTP API: its app, made of the routers, and the routes that tell of the API itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse

from ledger.errors import LedgerUnavailableError
from producer.api_catalogue import catalogue
from producer.api_dead_letters import dead_letters
from producer.api_documents import documents
from producer.api_endpoints import callbacks
from producer.api_events import events
from producer.api_guard import BodyLimits, Guard
from producer.api_jobs import jobs
from producer.api_keys import api_keys
from producer.api_parameters import ClientOfApp
from producer.client import Client, open_client
from producer.drain import Drain
from producer.metrics import metrics_text
from producer.openai_batches import batches as openai_batches
from producer.openai_chat import chat as openai_chat
from producer.openai_error import OPENAI_PATHS, add_openai_handler, openai_error_response
from producer.openai_files import files as openai_files
from producer.openai_models import models as openai_models
from producer.problem import (
    add_problem_handlers,
    component_schemas,
    documented,
    error_response,
)
from schemas.chat import ChatRequest
from schemas.job import JobRequest, JobTerms
from schemas.job_filter import JobProgress
from schemas.openai_error import OpenAiErrorBody
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from storage.errors import StorageError

_HEALTH_SECONDS = 2
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_VERSION = "1"
_FORM_BYTES = 2**20
"""What may stand around a file in its form."""
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
status = APIRouter(tags=["status"], responses=documented(_UNAVAILABLE))


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
            **component_schemas(JobRequest, JobTerms, JobProgress, ChatRequest, OpenAiErrorBody),
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
    drain = Drain(client.depth)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        sampling = asyncio.create_task(drain.run())
        cleaning = asyncio.create_task(_clean(client))
        yield
        for task in (sampling, cleaning):
            task.cancel()
        await asyncio.gather(sampling, cleaning, return_exceptions=True)
        await client.close()

    app = Api(
        title="docfleet",
        version=_VERSION,
        summary="Business documents in, structured results out.",
        lifespan=lifespan,
    )
    app.state.client = client
    app.state.drain = drain
    app.include_router(jobs)
    app.include_router(documents)
    app.include_router(catalogue)
    app.include_router(dead_letters)
    app.include_router(callbacks)
    app.include_router(api_keys)
    for routes in (openai_models, openai_chat, openai_files, openai_batches):
        app.include_router(routes)
    app.include_router(status)
    app.webhooks.routes.extend(events.routes)
    add_problem_handlers(app)
    add_openai_handler(app)
    limits = BodyLimits.of(settings.limits, file_bytes=settings.openai.file_bytes)
    app.add_middleware(Guard, keyring=client.keyring, limits=limits, refusal=_refusal)
    return app


def _refusal(path: str, error: Exception) -> JSONResponse:
    answer = openai_error_response if path.startswith(OPENAI_PATHS) else error_response
    return answer(error)


async def _clean(client: Client) -> None:
    """Nobody waits for it: what cannot be cleaned up now is cleaned up at the next start."""
    with suppress(StorageError):
        await client.uploads.clean()
