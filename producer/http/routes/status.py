"""The HTTP API's routes that tell of the API itself: its health and its metrics."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Response

from ledger.errors import LedgerUnavailableError
from producer.http.dependencies import ClientOfApp
from producer.http.ledger_metrics import metrics_text
from producer.http.problem import documented

_HEALTH_SECONDS = 2
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

status = APIRouter(tags=["status"], responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))


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
