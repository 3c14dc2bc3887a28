"""An answer that holds a place until its last byte is sent, or its reader is gone."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from producer.http.limits.places import Place


class HeldResponse(StreamingResponse):
    """A streaming response with a place.

    Args:
        content: What is sent.
        place: Released at the end.
        kwargs: As StreamingResponse takes them.
    """

    def __init__(self, content: AsyncIterable[Any], place: Place, **kwargs: Any) -> None:
        super().__init__(content, **kwargs)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        with self._place:
            await super().__call__(scope, receive, send)
