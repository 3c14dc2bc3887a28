"""Route of `/v1/chat/completions`: a chat is answered when its job has ended."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Request, Response

from producer.client import Client
from producer.errors import UnauthorizedError
from producer.http.dependencies import ClientOfApp, RoomOfApp, Submits
from producer.http.limits.json_values import has_more_values, too_many_values
from producer.http.limits.room import Room, leave_turn
from producer.http.openai.request import digest_of, is_repeated
from producer.http.openai.route import openai_responses, openai_router
from producer.openai.chats import AbandonedError, read_chat
from producer.openai.errors import OpenAiError

_GONE = 499
"""Answer that nobody reads: the client has closed the connection."""

_VALUES = 50_000
"""Maximum JSON values of a chat, its schema included."""

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
    asker: Submits,
    client: ClientOfApp,
    room: RoomOfApp,
    x_docfleet_deadline: Annotated[
        float | None, Header(gt=0, le=3_600, description="Seconds to wait, instead of the fleet's.")
    ] = None,
) -> dict[str, Any] | Response:
    """Run a chat, ahead of the tenant's other jobs.

    A 504 names the job, which goes on. A client that closes the connection cancels its chat;
    revoking its key does too.
    """
    chats, tenant = client.openai.chats, asker.submits_as

    async def abandoned() -> bool:
        return await request.is_disconnected() or not await client.keyring.works(asker)

    with await room.waiting.take(tenant):
        job_id, digest = await _job_of(request, tenant, client, room)
        leave_turn(request)
        seconds = x_docfleet_deadline or client.openai.settings.chat_seconds
        try:
            completion: dict[str, Any] = await chats.completion(
                job_id, seconds=seconds, abandoned=abandoned
            )
        except (
            AbandonedError
        ):  # a client that sends again must not wait for a job that is being cancelled
            await chats.forget(tenant, digest)
            if await request.is_disconnected():
                return Response(status_code=_GONE)
            raise UnauthorizedError("the key was revoked, and its chat is cancelled") from None
        return completion


async def _job_of(request: Request, tenant: str, client: Client, room: Room) -> tuple[str, str]:
    """Return the id of a chat's job, and the request's digest; do not keep the body."""
    chats = client.openai.chats
    async with room.body(request, tenant) as body:
        if has_more_values(body, _VALUES):
            raise OpenAiError(
                HTTPStatus.BAD_REQUEST, too_many_values(_VALUES), code="invalid_request"
            )
        digest = digest_of(request, body)
        job_id = await chats.again(tenant, digest) if is_repeated(request) else None
        if job_id is None:
            read = await room.check(tenant, partial(read_chat, body))
            job_id = await chats.submit(read, tenant, digest)
        return job_id, digest
