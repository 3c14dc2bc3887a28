"""Receiver of a claims system: verifies each event, and counts the events of each job."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from typing import Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


class CountingReceiver:
    """Receiver of events on loopback, for the length of an `async with` block.

    Args:
        secret: Secret that signs the events.
    """

    def __init__(self, secret: str) -> None:
        self.events: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """Count of each event id, by job id."""
        self.types: defaultdict[str, set[str]] = defaultdict(set)
        """Types of the events, by job id."""
        self.refused = 0
        self._webhook = Webhook(secret)
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/docfleet", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=512).start()
        return self

    @property
    def url(self) -> str:
        """Return the URL of the receiver."""
        host, port = self._runner.addresses[0]
        return f"http://{host}:{port}/docfleet"

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.text()
        try:
            self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.refused += 1
            return web.Response(status=400)
        event = json.loads(body)
        job = event["data"]["id"]
        self.events[job][event["id"]] += 1
        self.types[job].add(event["type"])
        self._came.set()
        return web.Response(status=204)

    async def next(self, seconds: float) -> bool:
        """Wait for an event; return False when none came in time."""
        self._came.clear()
        try:
            await asyncio.wait_for(self._came.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
