"""Routes to the API's health and metrics."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from ledger.errors import LedgerUnavailableError
from producer.access.principal import Principal
from producer.http.dependencies import ClientOfApp
from producer.http.ledger_metrics import metrics_text
from producer.http.problem import documented
from schemas.api_key import Scope

_HEALTH_SECONDS = 2
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

status = APIRouter(tags=["status"], responses=documented(HTTPStatus.SERVICE_UNAVAILABLE))


class Health(BaseModel):
    """Health of the fleet."""

    status: Literal["ok", "degraded"]
    queues_without_workers: list[str] = Field(
        default_factory=list,
        description="Roles, and pools of fleet.toml, for which no live worker takes new work.",
    )


@status.get(
    "/healthz",
    operation_id="getHealth",
    summary="Whether the ledger can be reached, and which queues have no live worker",
    response_model_exclude_defaults=True,
)
async def get_health(client: ClientOfApp) -> Health:
    """Return 200 when Redis answers: the API accepts jobs, and in a degraded fleet they wait."""
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            without = await client.queues_without_workers()
    except TimeoutError:
        raise LedgerUnavailableError(f"Redis has not answered for {_HEALTH_SECONDS} s") from None
    return Health(status="degraded" if without else "ok", queues_without_workers=without)


@status.get(
    "/metrics",
    operation_id="getMetrics",
    summary="The ledger's depth for Prometheus",
    response_class=Response,
    responses={200: {"content": {_METRICS_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_metrics(client: ClientOfApp, request: Request) -> Response:
    """Return jobs by queue and place, capacity, workers, dead letters, and jobs by final state.

    A key of the whole fleet with the scope `read` sees the names of tenants; everybody else sees
    pseudonyms.
    """
    asker: Principal | None = getattr(request.state, "principal", None)
    names = asker is not None and asker.tenant is None and Scope.READ in asker.scopes
    pseudonyms = None if names else request.app.state.pseudonyms
    return Response(metrics_text(await client.depth(), pseudonyms), media_type=_METRICS_TYPE)
