"""The route `/v1/chat/completions`: one chat, answered when its job has ended."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Request, Response

from producer.http.dependencies import ClientOfApp, SubmittingTenant
from producer.http.openai.request import digest_of, is_repeated
from producer.http.openai.route import openai_responses, openai_router
from producer.openai.chats import DisconnectedError

_GONE = 499
"""What nobody reads: the client has closed the connection."""

chat = openai_router("/v1/chat")


@chat.post(
    "/completions",
    operation_id="createChatCompletion",
    summary="Ask a model, and wait for its answer",
    response_model=None,
    responses={
        200: {
            "description": "A `chat.completion`",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **openai_responses(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ChatRequest"}}
            },
        }
    },
)
async def create_chat_completion(
    request: Request,
    tenant: SubmittingTenant,
    client: ClientOfApp,
    x_docfleet_deadline: Annotated[
        float | None, Header(gt=0, le=3_600, description="Seconds to wait, instead of the fleet's.")
    ] = None,
) -> dict[str, Any] | Response:
    """The job goes ahead of its tenant's others.

    A 504 has its id, and the job goes on. A client that closes the connection cancels it.
    """
    body = await request.body()
    digest = digest_of(request, body)
    chats = client.openai.chats
    job_id = await chats.again(tenant, digest) if is_repeated(request) else None
    job_id = job_id or await chats.submit(body, tenant, digest)
    seconds = x_docfleet_deadline or client.openai.settings.chat_seconds
    try:
        completion: dict[str, Any] = await chats.completion(
            job_id, seconds=seconds, disconnected=request.is_disconnected
        )
    except DisconnectedError:  # who comes again must not wait for what is being cancelled
        await chats.forget(tenant, digest)
        return Response(status_code=_GONE)
    return completion
