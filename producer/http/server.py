"""Serving the HTTP API with uvicorn, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
from types import FrameType
from typing import NamedTuple

import structlog
import uvicorn

from producer.client import Client
from producer.errors import ListenError
from producer.http.app import create_app
from producer.http.limits.connection import HEALTH_CONNECTIONS, BoundedConnection, Connections
from producer.http.limits.memory import return_freed_memory
from settings.fleet import FleetSettings
from settings.ready import announce_ready

log = structlog.get_logger(__name__)

_DRAIN_SECONDS = 8
"""How long requests in flight may take after SIGTERM."""


_TICKS = 10
"""Ticks of uvicorn in a second."""
_OWN_FILES = 128
"""Files and sockets of the API itself: Redis has 64 connections at most, and S3 has 32."""
_MOST_FILES = 65_536
_MOST_BACKLOG = 64
_WAITING = 2_048
"""Connections that the kernel keeps until they are accepted; it drops others for a second."""


class ConnectionRoom(NamedTuple):
    """How many connections this process can have.

    Attributes:
        connections: Open ones.
        backlog: Those that asyncio accepts in one go.
    """

    connections: int
    backlog: int


def connection_room(wanted: int) -> ConnectionRoom:
    """Raise the limit of open files as far as it may be, and share them out.

    Args:
        wanted: The maximum number of connections.
    """
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    if files != resource.RLIM_INFINITY and files < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    free = max(16, allowed - _OWN_FILES)
    backlog = min(_MOST_BACKLOG, free // 4)
    connections = min(wanted, free - backlog - HEALTH_CONNECTIONS)
    return ConnectionRoom(max(8, connections), max(8, backlog))


class ApiServer(uvicorn.Server):
    """Tells that it listens, and does not wait at its end for those who wait for a job.

    Args:
        config: Uvicorn's.
        client: What its app asks.
        connections: The maximum number of them.
    """

    def __init__(self, config: uvicorn.Config, client: Client, connections: int) -> None:
        super().__init__(config)
        self.server_state = self._connections = Connections(connections)
        self._client = client

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and announce it.

        Raises:
            ListenError: The port cannot be had.
            SettingsError: Redis does not take the password.
        """
        await self._client.check_access()
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn's way to say so; the reason is in the log
            place = f"{self.config.host}:{self.config.port}"
            raise ListenError(f"{place} cannot be listened to") from error
        if self.started:
            for listening in self.servers[0].sockets:
                with listening.dup() as same:
                    same.listen(_WAITING)
            log.info("listening", url=self.url)
            announce_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections each second."""
        if counter % _TICKS == 0:
            self._connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of those who wait for a job, and answer everybody else first."""
        await self._client.observer.close()
        await super().shutdown(sockets)

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(settings: FleetSettings, host: str, port: int) -> ApiServer:
    """A server that does not run yet; port 0 finds a free one.

    Raises:
        SettingsError: There is no API key.
    """
    app = create_app(settings)
    room = connection_room(settings.api.connections)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedConnection,
        ws="none",
        forwarded_allow_ips=list(settings.api.trusted_proxies),
        backlog=room.backlog,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return ApiServer(config, app.state.client, room.connections)


def serve(settings: FleetSettings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first.

    Raises:
        SettingsError: The API cannot run as it is configured.
        ListenError: The port cannot be had.
    """
    return_freed_memory()
    server = make_server(settings, host, port)
    # A warning for each bad request: strangers send any number of them.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # uvicorn raises the signal again when it is done, for other handlers.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _nobody_else)
    asyncio.run(server.serve())


def _nobody_else(_number: int, _frame: FrameType | None) -> None:
    pass
