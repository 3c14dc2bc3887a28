"""Routes to endpoints, which producer/endpoints.py implements."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Response

from producer.http.dependencies import ClientOfApp, EndpointId, OperatedTenant, ReadTenant
from producer.http.pages import ApiList
from producer.http.problem import EVERYWHERE, documented
from schemas.webhooks.delivery import Delivery
from schemas.webhooks.endpoint import (
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


endpoints = APIRouter(prefix="/v1/endpoints", tags=["callbacks"], responses=EVERYWHERE)


class EndpointList(ApiList[Endpoint]):
    """A tenant's endpoints, the oldest first."""


@endpoints.post(
    "",
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
    """Register an endpoint; only this answer shows the secret."""
    endpoint = await client.endpoints.create(tenant, body)
    response.headers["Location"] = f"/v1/endpoints/{endpoint.id}"
    return endpoint


@endpoints.get(
    "",
    operation_id="listEndpoints",
    summary="The tenant's endpoints",
    response_model_exclude_none=True,
)
async def list_endpoints(client: ClientOfApp, tenant: ReadTenant) -> EndpointList:
    """List the endpoints, the oldest first, each with its failures."""
    return EndpointList(data=await client.endpoints.of_tenant(tenant))


@endpoints.get(
    "/{endpoint_id}",
    operation_id="getEndpoint",
    summary="One endpoint",
    response_model_exclude_none=True,
    responses=_NOT_FOUND,
)
async def get_endpoint(
    endpoint_id: EndpointId, client: ClientOfApp, tenant: ReadTenant
) -> Endpoint:
    """Return an endpoint: its URL, its events, its state, and the time since which it fails."""
    return await client.endpoints.get(tenant, endpoint_id)


@endpoints.patch(
    "/{endpoint_id}",
    operation_id="changeEndpoint",
    summary="Change, enable or disable an endpoint",
    response_model_exclude_none=True,
    responses={**_CONFLICT, **_INVALID},
)
async def change_endpoint(
    endpoint_id: EndpointId, body: EndpointChange, client: ClientOfApp, tenant: OperatedTenant
) -> Endpoint:
    """Change the named fields; waiting deliveries go to the new URL."""
    return await client.endpoints.change(tenant, endpoint_id, body)


@endpoints.delete(
    "/{endpoint_id}",
    operation_id="deleteEndpoint",
    summary="Delete an endpoint",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_NOT_FOUND,
)
async def delete_endpoint(
    endpoint_id: EndpointId, client: ClientOfApp, tenant: OperatedTenant
) -> None:
    """Delete an endpoint; waiting deliveries become dead letters, sent ones stay readable."""
    await client.endpoints.delete(tenant, endpoint_id)


@endpoints.post(
    "/{endpoint_id}/rotate-secret",
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
    """Make a new secret, shown this once; both secrets sign until the overlap ends."""
    return await client.endpoints.rotate(tenant, endpoint_id, how or SecretRotation())


@endpoints.post(
    "/{endpoint_id}/test",
    operation_id="testEndpoint",
    summary="Send a test event",
    status_code=HTTPStatus.ACCEPTED,
    response_model_exclude_none=True,
    responses=_CONFLICT,
)
async def test_endpoint(
    endpoint_id: EndpointId, client: ClientOfApp, tenant: OperatedTenant
) -> Delivery:
    """Send a test event like any other; read the delivery for its outcome."""
    return await client.endpoints.test(tenant, endpoint_id)
