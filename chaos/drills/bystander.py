"""A bystander: another tenant of an API under attack, and the effects of the attack on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic, time
from typing import Any, Self

import aiohttp

from chaos.drill import Drill
from chaos.parts.load import TASKS

_HEALTH_PAUSE_SECONDS = 0.1
_SUBMIT_PAUSE_SECONDS = 0.25
_SAMPLE_SECONDS = 0.1
_AGAIN_SECONDS = 0.1
_PATIENCE_SECONDS = 60
_MEGABYTE = 2**20


class Bystander:
    """Asks for health, submits jobs, and watches the memory of the API's process.

    Args:
        drill: A drill whose fleet has an API, and whose load gets the jobs.

    Attributes:
        health_seconds: Seconds of each answer to `/healthz`.
        submit_seconds: Seconds from the first try of each submit to its acceptance.
        megabytes: Resident memory of the API over time.
    """

    def __init__(self, drill: Drill) -> None:
        self.health_seconds: list[float] = []
        self.submit_seconds: list[float] = []
        self.megabytes: list[float] = []
        self._drill = drill
        self._url = drill.fleet.environment["DOCFLEET_API_URL"]
        key = drill.fleet.environment["DOCFLEET_API_KEY"]
        self._headers = {"Authorization": f"Bearer {key}"}

    async def __aenter__(self) -> Self:
        # A new connection for each request, as a probe makes it.
        self.session = aiohttp.ClientSession(
            self._url,
            headers=self._headers,
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Ask, submit and watch for the length of a block."""
        ending = asyncio.Event()

        async def until_end(work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
            while not ending.is_set():
                await work()
                await asyncio.sleep(pause_seconds)

        async with asyncio.TaskGroup() as group:
            group.create_task(until_end(self._ask, _HEALTH_PAUSE_SECONDS))
            group.create_task(until_end(self._submit, _SUBMIT_PAUSE_SECONDS))
            group.create_task(until_end(self._sample, _SAMPLE_SECONDS))
            try:
                yield
            finally:
                ending.set()

    def resident_megabytes(self) -> float:
        """Return the resident memory of the API's process."""
        pages = int(
            Path(f"/proc/{self._drill.fleet.parts['api'].pid}/statm").read_text().split()[1]
        )
        return pages * 4_096 / _MEGABYTE

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        """Send JSON; return the answer's JSON, or raise its error."""
        async with self.session.post(path, json=body, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _ask(self) -> None:
        started = monotonic()
        await self._until_ok(lambda: self.session.get("/healthz"))
        self.health_seconds.append(monotonic() - started)

    async def _submit(self) -> None:
        load, started = self._drill.load, monotonic()
        number = load.planned
        load.planned += 1
        body = {"document": {"text": f"Claim {load.mark}-{number}: hail."}, "tasks": TASKS}
        key = {"Idempotency-Key": f"{load.mark}-{number}"}
        job = await self._until_ok(lambda: self.session.post("/v1/jobs", json=body, headers=key))
        self.submit_seconds.append(monotonic() - started)
        load.accepted[job["id"]] = time()

    async def _until_ok(self, ask: Callable[[], Any]) -> Any:
        while True:
            try:
                async with ask() as answer:
                    if answer.ok:
                        return await answer.json()
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _sample(self) -> None:
        self.megabytes.append(self.resident_megabytes())
