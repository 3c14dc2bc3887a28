"""Process of the watcher and its listener, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack
from functools import partial

import structlog

from producer.client import connect
from producer.drops.event_listener import EventRoute, listening
from producer.drops.sqs_consumer import SqsConsumer
from producer.drops.sqs_queue import SqsQueue
from producer.drops.watcher import Watcher
from settings.fleet import FleetSettings
from settings.metrics_endpoint import serving_metrics
from settings.ready import announce_ready

_ANSWER_SECONDS = 5

log = structlog.get_logger(__name__)


def watch(settings: FleetSettings, host: str, port: int) -> None:
    """Watch until SIGTERM or SIGINT.

    Args:
        settings: The fleet's. Without an events token there is no listener; without a queue too,
            only listings find drops.
        host: Host of the listener.
        port: Port of the listener.

    Raises:
        SettingsError: No Redis is named, it refuses the password, a task file is not valid, or the
            metrics' port is taken.
        UnknownTaskError: A rule names a task that has no file.
        ListenError: The port is not available.
    """
    asyncio.run(_watch(settings, host, port))


async def _watch(settings: FleetSettings, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(settings))
        await client.check_access()
        watcher = Watcher(settings, client.store, client.submitter)
        health_problem = partial(_health_problem, watcher, asyncio.get_running_loop())
        stack.enter_context(serving_metrics(settings, health_problem))
        if settings.events_token:
            route = EventRoute(settings.events_token.get_secret_value(), watcher.hint)
            url = await stack.enter_async_context(listening(route, host, port))
            log.info("listening for bucket events", url=url)
        consumers = [_consumer(settings, url, watcher, stack) for url in settings.watch.queues]
        if not settings.events_token and not consumers:
            log.info("no queue and no DOCFLEET_EVENTS_TOKEN: no events are taken, only listings")
        await _until(stop, watcher, consumers)


def _health_problem(watcher: Watcher, loop: asyncio.AbstractEventLoop) -> str | None:
    """Return the watcher's health problem; called from another thread."""
    said: Future[str | None] = Future()
    loop.call_soon_threadsafe(lambda: said.set_result(watcher.health_problem))
    try:
        return said.result(_ANSWER_SECONDS)
    except TimeoutError:
        return "the event loop stands still"


def _consumer(
    settings: FleetSettings, url: str, watcher: Watcher, stack: AsyncExitStack
) -> SqsConsumer:
    queue = SqsQueue(url)
    stack.callback(queue.close)
    log.info("taking bucket events of a queue", url=url)
    return SqsConsumer(queue, watcher, settings.watch.poll_seconds)


async def _until(stop: asyncio.Event, watcher: Watcher, consumers: Sequence[SqsConsumer]) -> None:
    """Run the watcher and the consumers until they are told to stop, or one fails."""
    stopping = asyncio.create_task(stop.wait())
    watching = asyncio.create_task(watcher.run(announce_ready))
    consuming = [asyncio.create_task(consumer.run()) for consumer in consumers]
    running = {watching, *consuming}
    await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for consumer in consumers:
        consumer.stop()
    if consuming:
        await asyncio.wait(consuming)
    watching.cancel()
    await asyncio.wait(running)
    for task in running:
        if not task.cancelled():
            task.result()
