"""Where the watcher takes bucket events: a small HTTP listener of its own."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from producer.errors import ListenError, RequestError
from producer.hints import hinted_keys

EVENTS_PATH = "/events"
"""Where events are taken."""


class EventRoute:
    """`POST /events`: an event of the object store, taken as a hint.

    Args:
        token: The bearer token that the object store sends.
        bucket: Events of other buckets are taken and ignored.
        hint: Given the keys to look at.
    """

    def __init__(self, token: str, bucket: str, hint: Callable[[Iterable[str]], None]) -> None:
        self._authorization = f"Bearer {token}".encode()
        self._bucket = bucket
        self._hint = hint

    async def receive(self, request: web.Request) -> web.Response:
        """204 when it is understood."""
        sent = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(sent, self._authorization):
            return web.Response(status=HTTPStatus.UNAUTHORIZED)
        try:
            keys = hinted_keys(json.loads(await request.read()), self._bucket)
        except (RequestError, ValueError) as error:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=str(error))
        if keys:
            self._hint(keys)
        return web.Response(status=HTTPStatus.NO_CONTENT)


@asynccontextmanager
async def listening(route: EventRoute, host: str, port: int) -> AsyncIterator[str]:
    """Listen for the length of a block; port 0 finds a free one.

    Yields:
        Where to send events.

    Raises:
        ListenError: The port cannot be had.
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
