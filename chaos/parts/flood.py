"""`python -m chaos.parts.flood`: hostile requests to the API, from a process of their own.

It reads its Plan as JSON from its input. At the end of the flood, or when told to end, it prints
the number of requests and how they ended.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chaos.parts.hostile_bodies import hostile_bodies

_AT_ONCE = 24
_PAUSE_SECONDS = 0.5
_ANSWER_SECONDS = 120
_HELD_SECONDS = 3_600
_READ_BYTES = 65_536
_ENDLESS = (b"a" * 65_536, b"a\r\nX-A: " * 8_192)


class FloodKind(StrEnum):
    """Kind of a flood."""

    BODIES = "bodies"
    """A number of large and invalid bodies."""
    HEADS = "heads"
    """Requests without a key: a number of half requests at once, and heads without an end."""
    PLACES = "places"
    """Two tenants' uploads and bodies that stall, and one tenant's event streams."""


@dataclass(frozen=True)
class Plan:
    """One flood.

    Attributes:
        kind: Kind of the flood.
        size: Number of requests, in total or at once.
        host: Host of the API.
        port: Port of the API.
        keys: Keys of the sending tenants.
        job_id: A job of the first tenant.
    """

    kind: FloodKind
    size: int
    host: str
    port: int
    keys: tuple[str, ...]
    job_id: str


class Flood:
    """Sends the requests of a plan, and counts how they end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.sent = 0
        self.ends: Counter[str] = Counter()

    async def run(self) -> None:
        """Send the flood; only that of bodies ends by itself."""
        kinds: dict[FloodKind, Callable[[], Coroutine[Any, Any, None]]] = {
            FloodKind.BODIES: self._bodies,
            FloodKind.HEADS: self._heads,
            FloodKind.PLACES: self._places,
        }
        await kinds[self._plan.kind]()

    async def _bodies(self) -> None:
        numbers = iter(range(self._plan.size))

        async def some() -> None:
            bodies = hostile_bodies()
            for number in numbers:
                body = bodies[number % len(bodies)]
                head = self._head("POST", body.path, number, len(body.data), body.media_type)
                await self._send(head + body.data, _ANSWER_SECONDS)

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))

    async def _heads(self) -> None:
        half = b"GET /v1/jobs HTTP/1.1\r\nHost: a\r\nX-A: "
        await asyncio.gather(
            *(self._hold(half) for _ in range(self._plan.size)),
            *(self._send_on(half, data) for data in _ENDLESS),
        )

    async def _places(self) -> None:
        form, large = "multipart/form-data; boundary=b", 8_000_000
        held = []
        for number in range(self._plan.size):
            held += [
                *(
                    self._head("POST", path, number, 9_999, form) + b"--b\r\n"
                    for path in ("/v1/documents", "/v1/files", "/v1/jobs")
                ),
                self._head("POST", "/v1/jobs", number, large) + b"{",
                self._head("POST", "/v1/chat/completions", number, large) + b"{",
            ]
        events = self._head("GET", f"/v1/jobs/{self._plan.job_id}/events", 0)
        held += [events] * (16 * self._plan.size)
        await asyncio.gather(*map(self._hold, held))

    def _head(
        self,
        method: str,
        path: str,
        number: int,
        size: int = 0,
        media_type: str = "application/json",
    ) -> bytes:
        key = self._plan.keys[number % len(self._plan.keys)]
        return (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        ).encode()

    async def _hold(self, data: bytes) -> None:
        """Send some bytes and no more; begin again when the connection ends."""
        while True:
            await self._send(data, _HELD_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _send_on(self, head: bytes, data: bytes) -> None:
        """Send bytes without end; begin again when the connection ends."""
        while True:
            self.sent += 1
            with suppress(OSError):
                _, writer = await asyncio.open_connection(self._plan.host, self._plan.port)
                writer.write(head)
                while not writer.is_closing():
                    writer.write(data)
                    await writer.drain()
            self.ends["ended"] += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _send(self, data: bytes, seconds: float) -> None:
        writer = None
        self.sent += 1
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(self._plan.host, self._plan.port)
                writer.write(data)
                status = (await reader.readline()).split()
                while await reader.read(_READ_BYTES):
                    pass
            self.ends[status[1].decode() if status else "ended"] += 1
        except (OSError, TimeoutError) as error:
            self.ends[type(error).__name__] += 1
        finally:
            if writer is not None:
                writer.transport.abort()


async def _run(plan: Plan) -> dict[str, Any]:
    flood = Flood(plan)
    running = asyncio.create_task(flood.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with suppress(asyncio.CancelledError):
        await running
    return {"sent": flood.sent, "ends": flood.ends}


if __name__ == "__main__":
    json.dump(asyncio.run(_run(Plan(**json.load(sys.stdin)))), sys.stdout)
