"""Answers, sent so that a slow reader costs little memory."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from producer.http.limits.places import Place

_BLOCK_BYTES = 64 * 2**10


class HeldResponse(StreamingResponse):
    """An answer that holds a place until its last byte is sent or its reader is gone.

    Args:
        content: Blocks of the answer.
        place: Released at the end.
        kwargs: Arguments of StreamingResponse.
    """

    def __init__(self, content: AsyncIterable[Any], place: Place, **kwargs: Any) -> None:
        super().__init__(content, **kwargs)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        with self._place:
            await super().__call__(scope, receive, send)


def paced(send: Send) -> Send:
    """Return a `send` that ends when the reader has all but the last block of a body.

    The server accepts a body of any size at once, and would keep many of them for slow readers.

    Args:
        send: The server's.
    """

    async def send_blocks(message: Message) -> None:
        body = message.get("body", b"")
        if len(body) <= _BLOCK_BYTES:
            await send(message)
            return
        for start in range(0, len(body), _BLOCK_BYTES):
            is_last = start + _BLOCK_BYTES >= len(body)
            block = body[start : start + _BLOCK_BYTES]
            more = message.get("more_body", False) or not is_last
            await send({**message, "body": block, "more_body": more})

    return send_blocks
