"""Running the watcher and its listener, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from producer.client import connect
from producer.event_listener import EventRoute, listening
from producer.watch import Watcher
from settings.fleet import FleetSettings
from settings.ready import announce_ready

log = structlog.get_logger(__name__)


def watch(settings: FleetSettings, host: str, port: int) -> None:
    """Watch until SIGTERM or SIGINT.

    Args:
        settings: The fleet's. With no events token nobody listens, and the listing does it alone.
        host: Where to listen for events.
        port: See host.

    Raises:
        SettingsError: No Redis is named, or a task file is not valid.
        UnknownTaskError: A rule names a task that has no file.
        ListenError: The port cannot be had.
    """
    asyncio.run(_watch(settings, host, port))


async def _watch(settings: FleetSettings, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(settings))
        watcher = Watcher(settings, client.store, client.submitter)
        if settings.events_token:
            token = settings.events_token.get_secret_value()
            route = EventRoute(token, settings.incoming_bucket, watcher.hint)
            url = await stack.enter_async_context(listening(route, host, port))
            log.info("listening for bucket events", url=url)
        else:
            log.info("no DOCFLEET_EVENTS_TOKEN: no events are taken, only listings")
        await _until(stop, watcher)


async def _until(stop: asyncio.Event, watcher: Watcher) -> None:
    """Let the watcher run until it is to stop, or fails."""
    running = asyncio.create_task(watcher.run(announce_ready))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        running.result()
    running.cancel()
    await asyncio.wait({running})
