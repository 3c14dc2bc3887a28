"""HTTP listener of the watcher for bucket events."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from producer.drops.bucket_event import read_event
from producer.errors import ListenError

Hint = Callable[[str, Iterable[str], str | None], None]
EVENTS_PATH = "/events"
"""Path of the events."""


class EventRoute:
    """`POST /events`: an event of the object store, used as a hint.

    Args:
        token: Bearer token that the object store sends.
        hint: Called with a bucket, the keys to look at, and their version.
    """

    def __init__(self, token: str, hint: Hint) -> None:
        self._authorization = f"Bearer {token}".encode()
        self._hint = hint

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 204 to a message that is understood."""
        sent = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(sent, self._authorization):
            return web.Response(status=HTTPStatus.UNAUTHORIZED)
        reading = read_event(await request.read())
        for created in reading.created:
            self._hint(created.bucket, created.keys, created.version_id)
        if reading.refused:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="; ".join(reading.refused))
        return web.Response(status=HTTPStatus.NO_CONTENT)


@asynccontextmanager
async def listening(route: EventRoute, host: str, port: int) -> AsyncIterator[str]:
    """Listen for the length of a block; port 0 selects a free port.

    Yields:
        The URL for events.

    Raises:
        ListenError: The port is not available.
    """
    app = web.Application()
    app.router.add_post(EVENTS_PATH, route.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ListenError(f"{host}:{port} cannot be listened to: {error.strerror}") from error
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/events"
    finally:
        await runner.cleanup()
