"""Routes of `/v1/batches`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request

from producer.http.dependencies import ClientOfApp, ReadTenant, SubmittingTenant
from producer.http.openai.request import digest_of, is_repeated
from producer.http.openai.route import openai_responses, openai_router
from schemas.openai.batch import BatchObject, BatchRequest
from schemas.openai.list import OpenAiList

batches = openai_router("/v1/batches")


@batches.post(
    "",
    operation_id="createBatch",
    summary="Run every request of a file",
    responses=openai_responses(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
async def create_batch(
    body: BatchRequest, request: Request, tenant: SubmittingTenant, client: ClientOfApp
) -> BatchObject:
    """Create a batch. Its file is read and validated afterwards; `status` shows the progress."""
    made = client.openai.batches
    digest = digest_of(request, await request.body())
    batch = await made.again(tenant, digest) if is_repeated(request) else None
    batch = batch or await made.create(body, tenant, digest)
    return batch.public()


@batches.get(
    "",
    operation_id="listBatches",
    summary="The batches, newest first",
    responses=openai_responses(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
async def list_batches(
    tenant: ReadTenant,
    client: ClientOfApp,
    after: Annotated[str | None, Query(description="The last batch of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> OpenAiList[BatchObject]:
    """List one page of the batches."""
    found = await client.openai.batches.page(tenant, after=after, limit=limit + 1)
    return OpenAiList[BatchObject].of([batch.public() for batch in found], limit)


@batches.get(
    "/{batch_id}",
    operation_id="getBatch",
    summary="Where a batch stands",
    responses=openai_responses(HTTPStatus.NOT_FOUND),
)
async def get_batch(batch_id: str, tenant: ReadTenant, client: ClientOfApp) -> BatchObject:
    """Return status, counts and, after its end, the files of a batch."""
    return (await client.openai.batches.get(tenant, batch_id)).public()


@batches.post(
    "/{batch_id}/cancel",
    operation_id="cancelBatch",
    summary="Cancel a batch",
    responses=openai_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_batch(batch_id: str, tenant: SubmittingTenant, client: ClientOfApp) -> BatchObject:
    """Cancel the waiting requests and stop the running ones; finished ones are in the files."""
    return (await client.openai.batches.cancel(tenant, batch_id)).public()
