"""A claims system's end of a webhook: verify with OpenAI's SDK, drop what came before, keep."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from openai import InvalidWebhookSignatureError, OpenAI


@dataclass
class Receiver:
    """Receives events on loopback for the length of an `async with` block.

    Attributes:
        secret: Secret that signs the events.
        events: The verified events, by job id.
        refused: Number of events without a valid signature.
        arrivals: Each verified event, once, as it comes.
    """

    secret: str
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: int = 0
    arrivals: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/docfleet", self._receive)
        self._webhooks = OpenAI(api_key="not used", webhook_secret=self.secret).webhooks
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    @property
    def url(self) -> str:
        """Return the URL of the receiver."""
        host, port = self._runner.addresses[0]
        return f"http://{host}:{port}/docfleet"

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.text()
        try:
            self._webhooks.verify_signature(body, request.headers)
        except InvalidWebhookSignatureError:
            self.refused += 1
            return web.Response(status=400)
        event = json.loads(body)
        if self.events.setdefault(event["data"]["id"], event) is event:
            await self.arrivals.put(event)
        return web.Response(status=204)

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
