"""The guard: what stands before every request to the API, its key and its size."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from producer.problem import ProblemType, problem_response

GUARDED = "/v1/"
"""Paths that need the key start so."""

_BEARER = "bearer "


class BodyTooLargeError(HTTPException):
    """More bytes came than a body may have."""

    def __init__(self, body_bytes: int) -> None:
        super().__init__(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has more than {body_bytes:,} bytes (limits.document_bytes)",
        )


class Guard:
    """ASGI middleware that asks for the key before it lets a body be read, and counts the body.

    FastAPI would read all of a stranger's body before it looks at his key.

    Args:
        app: What is guarded.
        key: The bearer key.
        body_bytes: The most that one body may have.
    """

    def __init__(self, app: ASGIApp, *, key: str, body_bytes: int) -> None:
        self._app = app
        self._digest = _digest(key)
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"].startswith(GUARDED) and not self._admits(headers):
            refusal = problem_response(
                ProblemType.UNAUTHORIZED,
                HTTPStatus.UNAUTHORIZED,
                "send `Authorization: Bearer` and the key in DOCFLEET_API_KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._counted(receive, headers), send)

    def _admits(self, headers: Headers) -> bool:
        sent = headers.get("authorization", "")
        if not sent.lower().startswith(_BEARER):
            return False
        return hmac.compare_digest(_digest(sent[len(_BEARER) :].strip()), self._digest)

    def _counted(self, receive: Receive, headers: Headers) -> Receive:
        declared = headers.get("content-length", "")
        declared_bytes = int(declared) if declared.isdecimal() else 0
        received_bytes = 0

        async def counted() -> Message:
            nonlocal received_bytes
            if declared_bytes <= self._body_bytes:
                message = await receive()
                received_bytes += len(message.get("body", b""))
                if received_bytes <= self._body_bytes:
                    return message
            raise BodyTooLargeError(self._body_bytes)

        return counted


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
