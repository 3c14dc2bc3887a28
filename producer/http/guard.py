"""The guard: what stands before every request to the API, its key and its size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.errors import LedgerError
from producer.access.keyring import Keyring
from producer.access.principal import Principal
from producer.errors import ProducerError, RequestError, UnauthorizedError
from schemas.job import TENANT_NAME
from settings.sections.limits import LimitSettings

GUARDED = "/v1/"
"""Paths that need a key start so."""

TENANT_HEADER = "Docfleet-Tenant"
"""Names the tenant that a job is for, where the key is the whole fleet's."""

DOCUMENTS = "/v1/documents"
"""What is sent there is read as it comes, and so are forms sent to JOBS."""

JOBS = "/v1/jobs"
"""Where jobs are submitted."""

FILES = "/v1/files"
"""Where files are uploaded, which may be larger than a document."""

_BEARER = "bearer "


_FORM_BYTES = 2**20
"""What a form may have beside the document in it."""


_PATIENCE_SECONDS = 60.0
"""How long a body may keep us waiting, all pauses together; and so much longer for what came."""
_SLOWEST_BYTES = 16 * 2**10
"""A second. Whoever is slower, or gone without a word, would hold a place that others wait for."""


class BodyTooLargeError(HTTPException):
    """More bytes came than a body may have."""

    def __init__(self, body_bytes: int) -> None:
        super().__init__(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has more than {body_bytes:,} bytes ([limits] in fleet.toml)",
        )


class BodyTooSlowError(HTTPException):
    """The rest of a body does not come."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_TIMEOUT, "the body was waited for too long")


class BodyLimits(NamedTuple):
    """The most that a body may have, in bytes.

    Attributes:
        whole: One that is read into memory.
        streamed: One that is not.
        file: One that brings a file for a batch.
    """

    whole: int
    streamed: int
    file: int

    @classmethod
    def of(cls, limits: LimitSettings, *, file_bytes: int) -> BodyLimits:
        """What the fleet's file says."""
        whole = min(limits.inline_bytes, limits.document_bytes)
        return cls(whole, limits.document_bytes + _FORM_BYTES, file_bytes + _FORM_BYTES)

    def for_request(self, path: str, headers: Headers) -> int:
        """The limit of one request."""
        if path == FILES:
            return self.file
        is_form = headers.get("content-type", "").lower().startswith("multipart/")
        is_streamed = path == DOCUMENTS or (path == JOBS and is_form)
        return self.streamed if is_streamed else self.whole


class Guard:
    """ASGI middleware that asks for the key before it lets a body be read, and counts the body.

    FastAPI would read all of a stranger's body before it looks at his key. Who asks stands in
    `request.state.principal` after that.

    Args:
        app: What is guarded.
        keyring: Knows the keys.
        limits: The most that one body may have.
        refusal: Makes the answer to a path of an error of ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        limits: BodyLimits,
        refusal: Callable[[str, Exception], Response],
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._limits = limits
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"].startswith(GUARDED):
            try:
                principal = await self._principal(headers)
            except (ProducerError, LedgerError) as error:
                await self._refusal(scope["path"], error)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        limit = self._limits.for_request(scope["path"], headers)
        await self._app(scope, _counted(receive, headers, limit), send)

    async def _principal(self, headers: Headers) -> Principal:
        sent = headers.get("authorization", "")
        bearer = sent.lower().startswith(_BEARER)
        principal = await self._keyring.principal(sent[len(_BEARER) :].strip()) if bearer else None
        if principal is None:
            raise UnauthorizedError(
                "send `Authorization: Bearer` and a key that is neither revoked nor expired"
            )
        tenant = headers.get(TENANT_HEADER)
        if tenant is None:
            return principal
        if not TENANT_NAME.fullmatch(tenant):
            raise RequestError(f"{TENANT_HEADER}: {tenant!r} is no tenant's name")
        return principal.acting_for(tenant)


def _counted(receive: Receive, headers: Headers, limit: int) -> Receive:
    declared = headers.get("content-length", "")
    declared_bytes = int(declared) if declared.isdecimal() else 0
    received_bytes = 0
    waited_seconds = 0.0
    whole = False

    async def receive_in_time() -> Message:
        nonlocal waited_seconds
        began = monotonic()
        left = _PATIENCE_SECONDS + received_bytes / _SLOWEST_BYTES - waited_seconds
        try:
            async with asyncio.timeout(left):
                return await receive()
        except TimeoutError as error:
            raise BodyTooSlowError from error
        finally:
            waited_seconds += monotonic() - began

    async def counted() -> Message:
        nonlocal received_bytes, whole
        if declared_bytes <= limit:
            message = await (receive() if whole else receive_in_time())
            whole = not message.get("more_body", False)
            received_bytes += len(message.get("body", b""))
            if received_bytes <= limit:
                return message
        raise BodyTooLargeError(limit)

    return counted
