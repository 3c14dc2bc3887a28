"""Routes of the OpenAI-compatible API: their class, and the answers that they share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from producer.http.openai.error_responses import openai_error_response
from schemas.openai.error import OpenAiErrorBody

_BODY_SCHEMA = f"#/components/schemas/{OpenAiErrorBody.__name__}"


class OpenAiRoute(APIRoute):
    """A route with errors that OpenAI's clients read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:  # nobody is there to be answered
                raise
            except Exception as error:  # noqa: BLE001  # every error is answered here
                return openai_error_response(error, request.app.state.drain)

        return handler


def openai_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the error answers, unnamed ones included."""
    content = {"application/json": {"schema": {"$ref": _BODY_SCHEMA}}}
    answers: dict[int | str, dict[str, Any]] = {
        one.value: {"description": one.phrase, "content": content} for one in statuses
    }
    return {**answers, "default": {"description": "Any other error", "content": content}}


def openai_router(prefix: str) -> APIRouter:
    """Return a router for the routes below a path."""
    return APIRouter(
        prefix=prefix,
        tags=["openai"],
        route_class=OpenAiRoute,
        responses=openai_responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
    )
