"""The routes of `/v1/batches`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request

from producer.api_parameters import ClientOfApp, requires
from producer.openai_error import OpenAiRoute, openai_responses
from producer.openai_request import digest_of, is_repeated, tenant_of
from schemas.api_key import Scope
from schemas.batch import BatchObject, BatchRequest
from schemas.openai_list import OpenAiList

batches = APIRouter(
    prefix="/v1/batches",
    tags=["openai"],
    route_class=OpenAiRoute,
    responses=openai_responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
)


@batches.post(
    "",
    dependencies=[requires(Scope.SUBMIT)],
    operation_id="createBatch",
    summary="Run every request of a file",
    responses=openai_responses(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
async def create_batch(body: BatchRequest, request: Request, client: ClientOfApp) -> BatchObject:
    """Its file is read and validated next; `status` says how far it is."""
    made = client.openai.batches
    tenant, digest = tenant_of(request), digest_of(request, await request.body())
    batch = await made.again(tenant, digest) if is_repeated(request) else None
    batch = batch or await made.create(body, tenant, digest)
    return batch.public()


@batches.get(
    "",
    dependencies=[requires(Scope.READ)],
    operation_id="listBatches",
    summary="The batches, newest first",
    responses=openai_responses(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
async def list_batches(
    request: Request,
    client: ClientOfApp,
    after: Annotated[str | None, Query(description="The last batch of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> OpenAiList[BatchObject]:
    """A page of them."""
    found = await client.openai.batches.page(tenant_of(request), after=after, limit=limit + 1)
    return OpenAiList[BatchObject].of([batch.public() for batch in found], limit)


@batches.get(
    "/{batch_id}",
    dependencies=[requires(Scope.READ)],
    operation_id="getBatch",
    summary="Where a batch stands",
    responses=openai_responses(HTTPStatus.NOT_FOUND),
)
async def get_batch(batch_id: str, request: Request, client: ClientOfApp) -> BatchObject:
    """Status, counts and, once it has ended, its files."""
    return (await client.openai.batches.get(tenant_of(request), batch_id)).public()


@batches.post(
    "/{batch_id}/cancel",
    dependencies=[requires(Scope.SUBMIT)],
    operation_id="cancelBatch",
    summary="Cancel a batch",
    responses=openai_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_batch(batch_id: str, request: Request, client: ClientOfApp) -> BatchObject:
    """What waits is cancelled, what runs is stopped, and what is done is in the files."""
    return (await client.openai.batches.cancel(tenant_of(request), batch_id)).public()
