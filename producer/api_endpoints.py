"""The HTTP API's routes to endpoints and deliveries. What they do is in endpoints.py."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from producer.api_parameters import ClientOfApp, Operates, Reads
from producer.problem import documented
from schemas.delivery import Delivery, DeliveryFilter
from schemas.endpoint import (
    CreatedEndpoint,
    Endpoint,
    EndpointChange,
    EndpointRequest,
    NewSecret,
    SecretRotation,
)

_NOT_FOUND = documented(HTTPStatus.NOT_FOUND)
_CONFLICT = documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_INVALID = documented(HTTPStatus.UNPROCESSABLE_ENTITY)
_REQUEST_EXAMPLES = {
    "all": {
        "summary": "Every event, with nothing of a document in it",
        "value": {"url": "https://claims.example/docfleet"},
    },
    "full": {
        "summary": "Results in the event, signed twice, over mTLS",
        "value": {
            "url": "https://claims.example/docfleet",
            "events": ["job.succeeded", "job.partially_succeeded"],
            "payload": "full",
            "v1a": True,
            "client_certificate": "claims",
        },
    },
}

EndpointId = Annotated[str, Path(examples=["ep_9f0c2f1c5e0c4d0b"])]
DeliveryId = Annotated[str, Path(examples=["msg_6f0c2f1c5e0c4d0b8a7d9e3f_succeeded"])]

callbacks = APIRouter(
    tags=["callbacks"],
    responses=documented(
        HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE
    ),
)


async def _reading(principal: Reads) -> str:
    return principal.submits_as


async def _operating(principal: Operates) -> str:
    return principal.submits_as


ReadTenant = Annotated[str, Depends(_reading)]
OperatedTenant = Annotated[str, Depends(_operating)]


class EndpointList(BaseModel):
    """A tenant's endpoints, the oldest first."""

    object: Literal["list"] = "list"
    data: Sequence[Endpoint]


class DeliveryQuery(DeliveryFilter):
    """Which deliveries are meant, and which page of them."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(
        default=None, max_length=200, description="`next_cursor` of the page before."
    )


class PageQuery(BaseModel):
    """Which page is meant."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(
        default=None, max_length=200, description="`next_cursor` of the page before."
    )


class DeliveryList(BaseModel):
    """A page of deliveries, the newest first."""

    object: Literal["list"] = "list"
    data: Sequence[Delivery]
    next_cursor: str | None = Field(description="Of the page after this one; null on the last.")


class Replayed(BaseModel):
    """How many are sent again."""

    replayed: int


@callbacks.post(
    "/v1/endpoints",
    operation_id="createEndpoint",
    summary="Register a receiver for the events of all jobs",
    status_code=HTTPStatus.CREATED,
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def create_endpoint(
    body: Annotated[EndpointRequest, Body(openapi_examples=_REQUEST_EXAMPLES)],
    client: ClientOfApp,
    tenant: OperatedTenant,
    response: Response,
) -> CreatedEndpoint:
    """The secret is shown in this answer and never again."""
    endpoint = await client.endpoints.create(tenant, body)
    response.headers["Location"] = f"/v1/endpoints/{endpoint.id}"
    return endpoint


@callbacks.get(
    "/v1/endpoints",
    operation_id="listEndpoints",
    summary="The tenant's endpoints",
    response_model_exclude_none=True,
)
async def list_endpoints(client: ClientOfApp, tenant: ReadTenant) -> EndpointList:
    """The oldest first, with what is wrong with each."""
    return EndpointList(data=await client.endpoints.of_tenant(tenant))


@callbacks.get(
    "/v1/endpoints/{endpoint_id}",
    operation_id="getEndpoint",
    summary="One endpoint",
    response_model_exclude_none=True,
    responses=_NOT_FOUND,
)
async def get_endpoint(
    endpoint_id: EndpointId, client: ClientOfApp, tenant: ReadTenant
) -> Endpoint:
    """Where it is, what it is told, whether it is enabled, and since when it fails."""
    return await client.endpoints.get(tenant, endpoint_id)


@callbacks.patch(
    "/v1/endpoints/{endpoint_id}",
    operation_id="changeEndpoint",
    summary="Change, enable or disable an endpoint",
    response_model_exclude_none=True,
    responses={**_CONFLICT, **_INVALID},
)
async def change_endpoint(
    endpoint_id: EndpointId, body: EndpointChange, client: ClientOfApp, tenant: OperatedTenant
) -> Endpoint:
    """What is not named stays; deliveries that wait go to the new URL."""
    return await client.endpoints.change(tenant, endpoint_id, body)


@callbacks.delete(
    "/v1/endpoints/{endpoint_id}",
    operation_id="deleteEndpoint",
    summary="Delete an endpoint",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_NOT_FOUND,
)
async def delete_endpoint(
    endpoint_id: EndpointId, client: ClientOfApp, tenant: OperatedTenant
) -> None:
    """What waits for it becomes dead letters; what was sent can still be read."""
    await client.endpoints.delete(tenant, endpoint_id)


@callbacks.post(
    "/v1/endpoints/{endpoint_id}/rotate-secret",
    operation_id="rotateSecret",
    summary="Make a new signing secret",
    response_model_exclude_none=True,
    responses={**_CONFLICT, **_INVALID},
)
async def rotate_secret(
    endpoint_id: EndpointId,
    client: ClientOfApp,
    tenant: OperatedTenant,
    how: SecretRotation | None = None,
) -> NewSecret:
    """Shown this once; events carry both signatures until the overlap is over."""
    return await client.endpoints.rotate(tenant, endpoint_id, how or SecretRotation())


@callbacks.post(
    "/v1/endpoints/{endpoint_id}/test",
    operation_id="testEndpoint",
    summary="Send a test event",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    responses=_CONFLICT,
)
async def test_endpoint(
    endpoint_id: EndpointId, client: ClientOfApp, tenant: OperatedTenant
) -> Delivery:
    """It is signed, retried and logged like any other; read the delivery to see what came of it."""
    return await client.endpoints.test(tenant, endpoint_id)


@callbacks.get(
    "/v1/endpoints/{endpoint_id}/deliveries",
    operation_id="listEndpointDeliveries",
    summary="What was sent to an endpoint",
    response_model=DeliveryList,
    responses={**_NOT_FOUND, **_INVALID},
)
async def list_endpoint_deliveries(
    endpoint_id: EndpointId,
    query: Annotated[PageQuery, Query()],
    client: ClientOfApp,
    tenant: ReadTenant,
) -> Response:
    """The newest first, each with every attempt."""
    await client.endpoints.get(tenant, endpoint_id)
    asked = DeliveryQuery(endpoint=endpoint_id, limit=query.limit, cursor=query.cursor)
    return await list_deliveries(asked, client, tenant)


@callbacks.get(
    "/v1/deliveries",
    operation_id="listDeliveries",
    summary="What was and is sent",
    response_model=DeliveryList,
    responses=_INVALID,
)
async def list_deliveries(
    query: Annotated[DeliveryQuery, Query()], client: ClientOfApp, tenant: ReadTenant
) -> Response:
    """All conditions must hold; pages stay right while deliveries come and go."""
    page = await client.endpoints.deliveries(tenant, query, after=query.cursor, limit=query.limit)
    data = [delivery.public() for delivery in page.items]
    return JSONResponse({"object": "list", "data": data, "next_cursor": page.next})


@callbacks.get(
    "/v1/deliveries/{delivery_id}",
    operation_id="getDelivery",
    summary="One delivery, with every attempt",
    response_model_exclude_none=True,
    responses=_NOT_FOUND,
)
async def get_delivery(
    delivery_id: DeliveryId, client: ClientOfApp, tenant: ReadTenant
) -> Delivery:
    """When each attempt was made, the status, the latency and the first KB of the answer."""
    return await client.endpoints.delivery(tenant, delivery_id)


@callbacks.post(
    "/v1/deliveries/replay",
    operation_id="replayDeliveries",
    summary="Send all that meet a filter again",
    responses={**_CONFLICT, **_INVALID},
)
async def replay_deliveries(
    body: DeliveryFilter, client: ClientOfApp, tenant: OperatedTenant
) -> Replayed:
    """The oldest first, under their ids of before: a receiver that dedupes is not told twice."""
    return Replayed(replayed=await client.endpoints.replay_many(tenant, body))


@callbacks.post(
    "/v1/deliveries/{delivery_id}/replay",
    operation_id="replayDelivery",
    summary="Send a delivery again",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    responses=_CONFLICT,
)
async def replay_delivery(
    delivery_id: DeliveryId, client: ClientOfApp, tenant: OperatedTenant
) -> Delivery:
    """With a fresh schedule; one that waits for its next attempt is sent now."""
    return await client.endpoints.replay(tenant, delivery_id)
