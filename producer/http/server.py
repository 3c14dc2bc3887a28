"""Serving the HTTP API with uvicorn, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import structlog
import uvicorn

from producer.client import Client
from producer.errors import ListenError
from producer.http.app import create_app
from settings.fleet import FleetSettings
from settings.ready import announce_ready

log = structlog.get_logger(__name__)

_DRAIN_SECONDS = 8
"""How long requests in flight may take after SIGTERM."""


class ApiServer(uvicorn.Server):
    """Tells that it listens, and does not wait at its end for those who wait for a job.

    Args:
        config: Uvicorn's.
        client: What its app asks.
    """

    def __init__(self, config: uvicorn.Config, client: Client) -> None:
        super().__init__(config)
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
            log.info("listening", url=self.url)
            announce_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of those who wait for a job, and answer everybody else first."""
        await self._client.observer.close()
        await super().shutdown(sockets)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(settings: FleetSettings, host: str, port: int) -> ApiServer:
    """A server that does not run yet; port 0 finds a free one.

    Raises:
        SettingsError: There is no API key.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return ApiServer(config, app.state.client)


def serve(settings: FleetSettings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first.

    Raises:
        SettingsError: The API cannot run as it is configured.
        ListenError: The port cannot be had.
    """
    server = make_server(settings, host, port)
    # uvicorn raises the signal again when it is done, for whoever else wants to know.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _nobody_else)
    asyncio.run(server.serve())


def _nobody_else(_number: int, _frame: FrameType | None) -> None:
    pass
