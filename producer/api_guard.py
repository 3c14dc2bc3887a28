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

FILES = "/v1/files"
"""Where files are uploaded, which may be larger than a document."""

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
        form_bytes: The most that one body may have that uploads a file.
    """

    def __init__(self, app: ASGIApp, *, key: str, body_bytes: int, form_bytes: int) -> None:
        self._app = app
        self._digest = _digest(key)
        self._body_bytes = body_bytes
        self._form_bytes = form_bytes

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
        most = self._form_bytes if scope["path"] == FILES else self._body_bytes
        await self._app(scope, _counted(receive, headers, most), send)

    def _admits(self, headers: Headers) -> bool:
        sent = headers.get("authorization", "")
        if not sent.lower().startswith(_BEARER):
            return False
        return hmac.compare_digest(_digest(sent[len(_BEARER) :].strip()), self._digest)


def _counted(receive: Receive, headers: Headers, most: int) -> Receive:
    declared = headers.get("content-length", "")
    declared_bytes = int(declared) if declared.isdecimal() else 0
    received_bytes = 0

    async def counted() -> Message:
        nonlocal received_bytes
        if declared_bytes <= most:
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes <= most:
                return message
        raise BodyTooLargeError(most)

    return counted


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
