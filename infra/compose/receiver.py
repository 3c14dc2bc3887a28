"""The claims system of the demo and of verify: verifies events, and stores each in a file.

An event that it answered with 204 is on disk, so that it can be killed. `GET /events` returns all
of them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

_PORT = 8080


class Receiver:
    """Receiver of events.

    Args:
        secret: Secret that signs them.
        file: File with one JSON object on each line.
    """

    def __init__(self, secret: str, file: Path) -> None:
        self._webhook = Webhook(secret)
        self._file = file

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 204 when the event is stored."""
        body = await request.text()
        try:
            self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError:
            return web.Response(status=400)
        with self._file.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(json.loads(body)) + "\n")
            kept.flush()
            os.fsync(kept.fileno())
        return web.Response(status=204)

    async def events(self, _: web.Request) -> web.Response:
        """Return every event as often as it arrived; a kill leaves a request without an answer."""
        text = self._file.read_text(encoding="utf-8") if self._file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        return web.json_response([json.loads(line) for line in whole.splitlines()])

    async def health(self, _: web.Request) -> web.Response:
        """Show that the event loop turns."""
        return web.json_response({"status": "ok"})


def main(secret_file: Path, file: Path) -> None:
    """Listen until SIGTERM."""
    receiver = Receiver(secret_file.read_text(encoding="utf-8").strip(), file)
    app = web.Application()
    app.router.add_post("/docfleet", receiver.receive)
    app.router.add_get("/events", receiver.events)
    app.router.add_get("/healthz", receiver.health)
    web.run_app(app, port=_PORT, access_log=None, print=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
