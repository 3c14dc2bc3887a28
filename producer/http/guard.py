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
from producer.json_values import has_more_values, too_many_values
from schemas.job import TENANT_NAME
from settings.sections.limits import LimitSettings

GUARDED = "/v1/"
"""Paths that need a key start so."""

TENANT_HEADER = "Docfleet-Tenant"
"""Names the tenant that a job is for, where the key is the whole fleet's."""

DOCUMENTS = "/v1/documents"
"""Takes documents, which are stored as they arrive; so are forms that are sent to JOBS."""

JOBS = "/v1/jobs"
"""Takes submits."""

CHATS = "/v1/chat/completions"
"""Takes chats, which may be as long as a submit."""

FILES = "/v1/files"
"""Takes files for batches, which may be larger than a document."""

_READ_BY_ROUTE = frozenset({DOCUMENTS, JOBS, CHATS, FILES})
"""Their routes read bodies themselves; FastAPI reads all others as JSON."""
_BEARER = "bearer "
_FORM_BYTES = 2**20
"""Maximum bytes of a form beside the document in it."""
_CONTROL_BYTES = 64 * 2**10
"""Maximum bytes of a body that is neither a document nor a submit nor a chat."""
_CONTROL_VALUES = 1_000
"""Maximum JSON values in such a body: each may be a mistake of which an error is made."""
_PATIENCE_SECONDS = 20.0
"""Total seconds a client may stall, plus one for each _SLOWEST_BYTES received."""
_SLOWEST_BYTES = 16 * 2**10


class BodyTooLargeError(HTTPException):
    """A body with more bytes than the limit."""

    def __init__(self, body_bytes: int) -> None:
        super().__init__(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has more than {body_bytes:,} bytes ([limits] in fleet.toml)",
        )


class BodyTooSlowError(HTTPException):
    """A body whose rest does not come."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_TIMEOUT, "the body was waited for too long")


class BodyLimits(NamedTuple):
    """The maximum bytes of a body.

    Attributes:
        control: Of one that is neither of the others.
        whole: Of one that is read into memory: a submit without a file, or a chat.
        streamed: Of one that brings a document.
        file: Of one that brings a file for a batch.
    """

    control: int
    whole: int
    streamed: int
    file: int

    @classmethod
    def of(cls, limits: LimitSettings, *, file_bytes: int) -> BodyLimits:
        """Return the limits that the fleet's file sets."""
        whole = min(limits.inline_bytes, limits.document_bytes)
        return cls(
            control=min(_CONTROL_BYTES, whole),
            whole=whole,
            streamed=limits.document_bytes + _FORM_BYTES,
            file=file_bytes + _FORM_BYTES,
        )

    def for_request(self, path: str, headers: Headers) -> int:
        """Return the limit of one request."""
        if path == FILES:
            return self.file
        is_form = headers.get("content-type", "").lower().startswith("multipart/")
        if path == DOCUMENTS or (path == JOBS and is_form):
            return self.streamed
        return self.whole if path in {JOBS, CHATS} else self.control


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
        counted = _counted(receive, headers, limit)
        if scope["path"] not in _READ_BY_ROUTE:
            counted = _few_values(counted)
        await self._app(scope, counted, send)

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


def _is_over(declared: str, limit: int) -> bool:
    """Return whether a Content-Length is over a limit; Python reads 4,300 digits at most."""
    digits = declared.lstrip("0")
    return declared.isdecimal() and (len(digits) > len(str(limit)) or int(digits or 0) > limit)


def _counted(receive: Receive, headers: Headers, limit: int) -> Receive:
    declared_over = _is_over(headers.get("content-length", ""), limit)
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
        if not declared_over:
            message = await (receive() if whole else receive_in_time())
            whole = not message.get("more_body", False)
            received_bytes += len(message.get("body", b""))
            if received_bytes <= limit:
                return message
        raise BodyTooLargeError(limit)

    return counted


def _few_values(receive: Receive) -> Receive:
    """Give a small body in one message, once its JSON values are counted."""
    is_checked = False

    async def checked() -> Message:
        nonlocal is_checked
        message = await receive()
        if is_checked or message["type"] != "http.request":
            return message
        body = bytearray(message.get("body", b""))
        while message.get("more_body", False):
            message = await receive()
            body += message.get("body", b"")
        is_checked = True
        if message["type"] != "http.request":
            return message
        if has_more_values(bytes(body), _CONTROL_VALUES):
            raise HTTPException(HTTPStatus.BAD_REQUEST, too_many_values(_CONTROL_VALUES))
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return checked
