"""Bodies of requests: maximum size, minimum speed, and reading."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from time import monotonic
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from producer.http.limits.json_values import has_more_values, too_many_values
from settings.sections.limits import LimitSettings

DOCUMENTS = "/v1/documents"
"""Path of documents, which are stored as they arrive, as are forms that are sent to JOBS."""

JOBS = "/v1/jobs"
"""Path of submits."""

CHATS = "/v1/chat/completions"
"""Path of chats, which may be as long as a submit."""

FILES = "/v1/files"
"""Path of files for batches, which may be larger than a document."""

ADAPTERS = "/v1/adapters"
"""Path of adapters, whose forms are stored as they arrive."""

_READ_BY_ROUTE = frozenset({DOCUMENTS, JOBS, CHATS, FILES, ADAPTERS})
"""Routes that read bodies themselves; FastAPI reads all others as JSON."""
_FORM_BYTES = 2**20
"""Maximum bytes of a form beside the document in it."""
_CONTROL_BYTES = 64 * 2**10
"""Maximum bytes of a body that is neither a document nor a submit nor a chat."""
_CONTROL_VALUES = 1_000
"""Maximum JSON values in such a body: each may cause an entry in the error."""
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
    """A body whose rest does not arrive."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_TIMEOUT, "the body was waited for too long")


class BodyLimits(NamedTuple):
    """The maximum bytes of a body.

    Attributes:
        control: Limit of every other body.
        whole: Limit of a body that is read into memory: a submit without a file, or a chat.
        streamed: Limit of a body with a document.
        file: Limit of a body with a file for a batch.
        adapter: Limit of a body with an adapter.
    """

    control: int
    whole: int
    streamed: int
    file: int
    adapter: int

    @classmethod
    def of(cls, limits: LimitSettings, *, file_bytes: int) -> BodyLimits:
        """Return the limits that the fleet's file sets."""
        whole = min(limits.inline_bytes, limits.document_bytes)
        return cls(
            control=min(_CONTROL_BYTES, whole),
            whole=whole,
            streamed=limits.document_bytes + _FORM_BYTES,
            file=file_bytes + _FORM_BYTES,
            adapter=limits.adapter_bytes + _FORM_BYTES,
        )

    def for_request(self, path: str, headers: Headers) -> int:
        """Return the limit of one request."""
        if path == FILES:
            return self.file
        if path == ADAPTERS:
            return self.adapter
        is_form = headers.get("content-type", "").lower().startswith("multipart/")
        if path == DOCUMENTS or (path == JOBS and is_form):
            return self.streamed
        return self.whole if path in {JOBS, CHATS} else self.control


def bounded(receive: Receive, path: str, headers: Headers, limits: BodyLimits) -> Receive:
    """Return a `receive` that ends a body which is too large, too slow, or has too many values.

    Args:
        receive: The server's `receive`.
        path: The request's path.
        headers: The request's headers.
        limits: The maximum bytes.
    """
    counted = _counted(receive, headers, limits.for_request(path, headers))
    return counted if path in _READ_BY_ROUTE else _few_values(counted)


async def read_body(request: Request) -> bytes:
    """Return the body, without a copy in the request, unlike `request.body()`.

    A request may wait for its job for minutes, and must not hold megabytes during that time.
    """
    return b"".join([chunk async for chunk in request.stream()])


def is_small(headers: Headers) -> bool:
    """Return whether a body is declared as small enough for a control route."""
    declared = headers.get("content-length", "")
    return declared.isdecimal() and not _is_over(declared, _CONTROL_BYTES)


def _is_over(declared: str, limit: int) -> bool:
    """Return whether a Content-Length is over a limit; Python's int reads at most 4,300 digits."""
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
    """Pass on a small body in one message, after counting its JSON values."""
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
