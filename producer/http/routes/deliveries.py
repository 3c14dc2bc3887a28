"""Routes to deliveries, which producer/endpoints.py implements."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from producer.http.dependencies import ClientOfApp, EndpointId, OperatedTenant, ReadTenant
from producer.http.pages import ApiPage, PageQuery, page_response
from producer.http.problem import EVERYWHERE, documented
from schemas.webhooks.delivery import Delivery, DeliveryFilter, Replay, Replayed

_NOT_FOUND = documented(HTTPStatus.NOT_FOUND)
_CONFLICT = documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_INVALID = documented(HTTPStatus.UNPROCESSABLE_ENTITY)

DeliveryId = Annotated[str, Path(examples=["msg_6f0c2f1c5e0c4d0b8a7d9e3f_succeeded"])]

deliveries = APIRouter(tags=["callbacks"], responses=EVERYWHERE)


class DeliveryQuery(PageQuery, DeliveryFilter):
    """Filter and page of deliveries."""


class DeliveryList(ApiPage[Delivery]):
    """A page of deliveries, the newest first."""


@deliveries.get(
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
    """List deliveries to an endpoint, the newest first, each with every attempt."""
    await client.endpoints.get(tenant, endpoint_id)
    asked = DeliveryQuery(endpoint=endpoint_id, limit=query.limit, cursor=query.cursor)
    return await list_deliveries(asked, client, tenant)


@deliveries.get(
    "/v1/deliveries",
    operation_id="listDeliveries",
    summary="What was and is sent",
    response_model=DeliveryList,
    responses=_INVALID,
)
async def list_deliveries(
    query: Annotated[DeliveryQuery, Query()], client: ClientOfApp, tenant: ReadTenant
) -> Response:
    """List deliveries that meet all conditions; pages stay right while deliveries come and go."""
    page = await client.endpoints.deliveries(tenant, query, after=query.cursor, limit=query.limit)
    return page_response(page)


@deliveries.get(
    "/v1/deliveries/{delivery_id}",
    operation_id="getDelivery",
    summary="One delivery, with every attempt",
    response_model_exclude_none=True,
    responses=_NOT_FOUND,
)
async def get_delivery(
    delivery_id: DeliveryId, client: ClientOfApp, tenant: ReadTenant
) -> Delivery:
    """Return the attempts of a delivery: time, status, latency and the first KB of the answer."""
    return await client.endpoints.delivery(tenant, delivery_id)


@deliveries.post(
    "/v1/deliveries/replay",
    operation_id="replayDeliveries",
    summary="Send again what was not acknowledged",
    responses={**_CONFLICT, **_INVALID},
)
async def replay_deliveries(body: Replay, client: ClientOfApp, tenant: OperatedTenant) -> Replayed:
    """Send again the deliveries that meet the filter, the oldest first, under their old ids.

    Acknowledged deliveries are sent again only with both `acknowledged` and `confirmed`.
    """
    return await client.endpoints.replay_many(tenant, body)


@deliveries.post(
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
    """Send a delivery again with a fresh schedule; a waiting one is sent now."""
    return await client.endpoints.replay(tenant, delivery_id)
