"""Measure a slow receiver's cost to others: deliveries/s to a healthy one, alone and beside it.

The stack, its one deliver worker and both receivers are real. In each round the healthy receiver
gets its deliveries alone, and then again while as many wait for a receiver that answers after ten
seconds. The ratio is deliveries/s beside the slow one over deliveries/s alone.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from aiohttp import web

from bench.rounds import run_rounds
from docfleet.stack.temporary import scoped_stack
from ledger.access.secret_box import SecretBox, new_encryption_key
from ledger.ledger import Ledger
from producer.audit_trail import AuditTrail
from producer.endpoints import Endpoints
from schemas.job import DEFAULT_TENANT
from schemas.quota import NO_QUOTA
from schemas.webhooks.endpoint import EndpointRequest

OPTIONS = ("--engine", "scripted")
HEALTHY_SECONDS = 0.02
SLOW_SECONDS = 10.0
_AT_ONCE = 32


class Receiver:
    """Takes every event after a while, and counts them."""

    def __init__(self, seconds: float) -> None:
        self.taken = 0
        self.url = ""
        self._seconds = seconds

    async def take(self, _request: web.Request) -> web.Response:
        """Receive one event."""
        await asyncio.sleep(self._seconds)
        self.taken += 1
        return web.Response(status=204)


@asynccontextmanager
async def receiving(seconds: float) -> AsyncIterator[Receiver]:
    """A receiver on loopback that answers after so long."""
    receiver = Receiver(seconds)
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield receiver
    finally:
        await runner.cleanup()


class Senders:
    """Opens deliveries in the ledger of a running stack."""

    def __init__(self, ledger: Ledger, box: SecretBox) -> None:
        self._ledger = ledger
        self._endpoints = Endpoints(ledger, box, AuditTrail(ledger.audit), lambda _: NO_QUOTA)

    async def register(self, receiver: Receiver) -> str:
        """An endpoint that is told of what `send` sends alone."""
        request = EndpointRequest.model_validate({"url": receiver.url, "events": ["endpoint.test"]})
        return (await self._endpoints.create(DEFAULT_TENANT, request)).id

    async def send(self, endpoint_id: str, count: int) -> None:
        """Open a number of deliveries."""
        numbers = iter(range(count))

        async def some() -> None:
            for _ in numbers:
                await self._ledger.endpoints.test(endpoint_id)

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))

    async def forget(self, endpoint_id: str) -> None:
        """Bury what waits for an endpoint."""
        await self._endpoints.delete(DEFAULT_TENANT, endpoint_id)


async def throughput(senders: Senders, receiver: Receiver, endpoint_id: str, count: int) -> float:
    """Deliveries/s, from the first that is opened to the last that arrives."""
    goal = receiver.taken + count
    started = monotonic()
    await senders.send(endpoint_id, count)
    while receiver.taken < goal:
        await asyncio.sleep(0.005)
    return count / (monotonic() - started)


async def measure(count: int, rounds: int) -> list[dict[str, float]]:
    """The figures of one run, a row a round."""
    key = new_encryption_key()
    rows = []
    with tempfile.TemporaryDirectory() as state:
        variables = {
            "DOCFLEET_ENCRYPTION_KEYS": key,
            "DOCFLEET_CALLBACKS__ALLOW_NETWORKS": '["127.0.0.1:1-65535"]',
        }
        stack = scoped_stack(Path(state), options=OPTIONS, variables=variables, say=print)
        async with (
            stack as env,
            receiving(HEALTHY_SECONDS) as healthy,
            receiving(SLOW_SECONDS) as slow,
        ):
            ledger = Ledger(env["DOCFLEET_REDIS_URL"])
            senders = Senders(ledger, SecretBox(key))
            good = await senders.register(healthy)
            await throughput(senders, healthy, good, count)  # everything is warm after that
            for _ in range(rounds):
                alone = await throughput(senders, healthy, good, count)
                bad = await senders.register(slow)
                await senders.send(bad, count)
                beside = await throughput(senders, healthy, good, count)
                await senders.forget(bad)
                rows.append({"alone/s": alone, "beside/s": beside, "ratio": beside / alone})
            await ledger.close()
    return rows


def main() -> None:
    """Measure and tell."""
    run_rounds(
        measure,
        prog="python -m bench.deliver",
        title="A healthy receiver, alone and beside a slow one",
        description=__doc__,
        work="deliveries",
        count=500,
    )


if __name__ == "__main__":
    main()
