"""Reading a request's whole body."""

from __future__ import annotations

from fastapi import Request


async def read_body(request: Request) -> bytes:
    """Return the body, which the request does not keep, unlike `request.body()`.

    A request may wait for its job for minutes, and must not hold megabytes meanwhile.
    """
    return b"".join([chunk async for chunk in request.stream()])
