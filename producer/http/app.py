"""The HTTP API: the application, made of the routers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from producer.access.pseudonyms import Pseudonyms
from producer.client import Client, open_client
from producer.http.guard import Guard
from producer.http.limits.body import BodyLimits
from producer.http.limits.room import Room
from producer.http.openai.batches import batches as openai_batches
from producer.http.openai.chat import chat as openai_chat
from producer.http.openai.error_responses import (
    OPENAI_PATHS,
    add_openai_handler,
    openai_error_response,
)
from producer.http.openai.files import files as openai_files
from producer.http.openai.models import models as openai_models
from producer.http.problem import (
    add_problem_handlers,
    component_schemas,
    error_response,
)
from producer.http.retry_after import BacklogRate
from producer.http.routes.adapters import adapters
from producer.http.routes.audit import audit
from producer.http.routes.callback_secret import callback_secret
from producer.http.routes.dead_letters import dead_letters
from producer.http.routes.deliveries import deliveries
from producer.http.routes.documents import documents
from producer.http.routes.endpoints import endpoints
from producer.http.routes.jobs import jobs
from producer.http.routes.keys import api_keys
from producer.http.routes.reviews import reviews
from producer.http.routes.status import status
from producer.http.routes.tasks import catalogue
from producer.http.routes.webhooks import events
from schemas.adapter import AdapterTerms
from schemas.job import JobRequest, JobTerms
from schemas.job_filter import JobProgress
from schemas.openai.chat import ChatRequest
from schemas.openai.error import OpenAiErrorBody
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from storage.errors import StorageError

_VERSION = "1"
_ROUTERS = (
    jobs,
    documents,
    catalogue,
    dead_letters,
    reviews,
    adapters,
    endpoints,
    callback_secret,
    deliveries,
    api_keys,
    audit,
    openai_models,
    openai_chat,
    openai_files,
    openai_batches,
    status,
)


_IN_BODIES = (AdapterTerms, JobRequest, JobTerms, JobProgress, ChatRequest, OpenAiErrorBody)
"""Models that the descriptions of bodies name, which FastAPI does not see."""


class Api(FastAPI):
    """An app whose OpenAPI has the schema of a problem."""

    def openapi(self) -> dict[str, Any]:
        """Return the app's OpenAPI description."""
        schema = super().openapi()
        schema["components"]["schemas"] = {
            **component_schemas(
                AdapterTerms, JobRequest, JobTerms, JobProgress, ChatRequest, OpenAiErrorBody
            ),
            **schema["components"]["schemas"],
        }
        return schema


def create_app(settings: FleetSettings) -> FastAPI:
    """Return the app; it holds a client until it is shut down.

    Args:
        settings: The fleet's.

    Raises:
        SettingsError: There is no API key, no Redis is named, or a task file is not valid.
    """
    if settings.api_key is None or not settings.api_key.get_secret_value():
        raise SettingsError("set DOCFLEET_API_KEY: the API serves nobody without a key")
    client = open_client(settings)
    app = Api(
        title="docfleet",
        version=_VERSION,
        summary="Business documents in, structured results out.",
        lifespan=_lifespan,
    )
    app.state.client = client
    app.state.pseudonyms = Pseudonyms(settings.api_key.get_secret_value())
    app.state.drain = BacklogRate(client.depth)
    app.state.room = room = Room(settings.api)
    for routes in _ROUTERS:
        app.include_router(routes)
    app.webhooks.routes.extend(events.routes)
    add_problem_handlers(app)
    add_openai_handler(app)
    limits = BodyLimits.of(settings.limits, file_bytes=settings.openai.file_bytes)
    app.add_middleware(
        Guard,
        keyring=client.keyring,
        audit=client.audit,
        limits=limits,
        room=room,
        refusal=_refusal,
    )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    client: Client = app.state.client
    tasks = [asyncio.create_task(app.state.drain.run()), asyncio.create_task(_clean(client))]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()


async def _clean(client: Client) -> None:
    """No request waits for this: the next start cleans up what cannot be cleaned up now."""
    with suppress(StorageError):
        await client.uploads.clean()


def _refusal(path: str, error: Exception) -> JSONResponse:
    answer = openai_error_response if path.startswith(OPENAI_PATHS) else error_response
    return answer(error)
