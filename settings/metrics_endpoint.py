"""Endpoint of a process's metrics and health.

The metrics are those of prometheus_client's registry, with those of the process. A thread answers,
so that a process with a blocked event loop can report it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics, generate_latest

from settings.errors import SettingsError
from settings.fleet import FleetSettings

Ailment = Callable[[], str | None]
"""Returns the reason why the process cannot work, or None. Called on another thread."""

# Without this, each counter has a second series with its creation time.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations


@contextmanager
def serving_metrics(settings: FleetSettings, health_problem: Ailment) -> Iterator[None]:
    """Serve `/metrics` and `/healthz` for the length of a block; do nothing without a port.

    Raises:
        SettingsError: The port is not available.
    """
    if settings.metrics_port is None:
        yield
        return
    host, port = settings.metrics_host, settings.metrics_port
    try:
        server = _Server((host, port), health_problem)
    except OSError as error:
        raise SettingsError(
            f"metrics_port: {host}:{port} cannot be listened to: {error.strerror or error}"
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], health_problem: Ailment) -> None:
        self.health_problem = health_problem
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
            case "/healthz":
                health_problem = self.server.health_problem()
                code = HTTPStatus.SERVICE_UNAVAILABLE if health_problem else HTTPStatus.OK
                self._answer(
                    code,
                    "application/json",
                    json.dumps({"status": health_problem or "ok"}).encode(),
                )
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n")

    def _answer(self, code: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Log nothing for a scrape."""
