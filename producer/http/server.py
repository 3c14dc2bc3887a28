"""Server of the HTTP API: uvicorn, until SIGTERM or SIGINT."""

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
"""Maximum seconds for requests in progress after SIGTERM."""


_TICKS = 10
"""Ticks of uvicorn in a second."""
_OWN_FILES = 128
"""Files and sockets of the API itself: Redis has at most 64 connections, and S3 at most 32."""
_MOST_FILES = 65_536
_MOST_BACKLOG = 64
_WAITING = 2_048
"""Connections that the kernel queues until they are accepted; it delays others for a second."""


class ConnectionRoom(NamedTuple):
    """Numbers of connections that this process can have.

    Attributes:
        connections: Open connections.
        backlog: Connections that asyncio accepts in one step.
    """

    connections: int
    backlog: int


def connection_room(wanted: int) -> ConnectionRoom:
    """Raise the limit of open files as far as allowed, and divide them.

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
    """A server that announces when it listens, and that releases waiting requests at its end.

    Args:
        config: Uvicorn's configuration.
        client: The client of its app.
        connections: The maximum number of connections.
    """

    def __init__(self, config: uvicorn.Config, client: Client, connections: int) -> None:
        super().__init__(config)
        self.server_state = self._connections = Connections(connections)
        self._client = client

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and announce it.

        Raises:
            ListenError: The port is not available.
            SettingsError: Redis does not take the password.
        """
        await self._client.check_access()
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn reports the failure so; the log has the reason
            place = f"{self.config.host}:{self.config.port}"
            raise ListenError(f"{place} cannot be listened to") from error
        if self.started:
            for listening in self.servers[0].sockets:
                with listening.dup() as same:
                    same.listen(_WAITING)
            log.info("listening", url=self.url)
            announce_ready()

    async def on_tick(self, counter: int) -> bool:
        """Check the connections each second."""
        if counter % _TICKS == 0:
            self._connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release the requests that wait for a job, and answer all others first."""
        await self._client.observer.close()
        await super().shutdown(sockets)

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(settings: FleetSettings, host: str, port: int) -> ApiServer:
    """Return a server that does not run yet; port 0 selects a free port.

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
    """Serve until SIGTERM or SIGINT; requests in progress are answered first.

    Raises:
        SettingsError: The configuration is not valid.
        ListenError: The port is not available.
    """
    return_freed_memory()
    server = make_server(settings, host, port)
    # Strangers can send any number of bad requests, and uvicorn logs a warning for each.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # uvicorn raises the signal again at its end, for other handlers.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _nobody_else)
    asyncio.run(server.serve())


def _nobody_else(_number: int, _frame: FrameType | None) -> None:
    pass
