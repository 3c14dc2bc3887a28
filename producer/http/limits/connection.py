"""Connections to the API: their number, and the size and speed of their requests.

Uvicorn bounds neither the size and time of a request's head, nor the time in which an answer is
read.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from time import monotonic
from typing import Any, NamedTuple

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

_HEALTH_PATH = b"/healthz"
HEALTH_CONNECTIONS = 32
"""Connections over the limit that are still read; only _HEALTH_PATH is served on them."""
_HEAD_BYTES = 32 * 2**10
_HEADERS = 100
_CHUNKS = 1_000
"""Chunks of a body that may be of any size; the others have _CHUNK_BYTES on the average."""
_CHUNK_BYTES = 16
_HEAD_SECONDS = 10.0
"""Maximum seconds from the connection, or from the last answer, to the end of a request's head."""
_REST_SECONDS = 10.0
"""Maximum seconds for the rest of a body after its answer was sent."""
_UNREAD_SECONDS = 20.0
"""Seconds in which a client has to read some of an answer."""
_LEAST_BYTES = 320 * 2**10
"""Minimum bytes to read in that time: 16 KiB a second."""


class _RefusedError(Exception):
    """Ends the parsing of a refused request."""


class Connections(ServerState):
    """Open connections, and the order in which they are closed when there are too many.

    Args:
        most: The maximum number of connections.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._idle: dict[BoundedConnection, None] = {}

    @property
    def is_full(self) -> bool:
        """Return whether more connections are open than the limit allows."""
        return len(self.connections) > self._most

    def admit(self, connection: BoundedConnection) -> None:
        """Make room for a new connection, or close it."""
        self.mark_idle(connection, is_idle=True)
        if self.is_full:
            oldest = next(iter(self._idle))
            if oldest is not connection or len(self.connections) > self._most + HEALTH_CONNECTIONS:
                oldest.give_up()

    def mark_idle(self, connection: BoundedConnection, *, is_idle: bool) -> None:
        """Record whether a connection has a request in progress."""
        self._idle.pop(connection, None)
        if is_idle:
            self._idle[connection] = None

    def sweep(self) -> None:
        """Close every connection that is overdue; call this each second."""
        now = monotonic()
        for connection in list(self.connections):
            if isinstance(connection, BoundedConnection):
                connection.check(now)


class _Phase(Enum):
    HEAD = auto()
    """The connection waits for a request's head."""
    WORK = auto()
    """A request is in progress."""
    REST = auto()
    """A request is answered, and the rest of its body still arrives."""


class _Unread(NamedTuple):
    at: float
    left: int


class BoundedConnection(HttpToolsProtocol):
    """One connection, which serves one request at a time.

    A request that is sent before the last one is answered is not read, and the connection ends with
    that answer: uvicorn would keep any number of such requests in memory.
    """

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all = server_state
        self._phase = _Phase.HEAD
        self._since = monotonic()
        self._head_bytes = 0
        self._chunks = 0
        self._body_bytes = 0
        self._is_whole = True
        self._is_deaf = False
        self._unread: _Unread | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._all.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._all.mark_idle(self, is_idle=False)
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close the connection at once."""
        self._all.mark_idle(self, is_idle=False)
        self._all.connections.discard(self)
        self.transport.abort()

    def check(self, now: float) -> None:
        """Close the connection if it is overdue.

        Args:
            now: Seconds of the monotonic clock.
        """
        if self.flow.write_paused or self.transport.is_closing():
            self._check_reader(now)
            return
        self._unread = None
        seconds = now - self._since
        if self._phase is _Phase.HEAD and seconds > _HEAD_SECONDS:
            if self._head_bytes:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
            else:
                self.transport.close()
        elif self._phase is _Phase.REST and seconds > _REST_SECONDS:
            self.give_up()

    def _check_reader(self, now: float) -> None:
        left = self.transport.get_write_buffer_size()
        if self._unread is not None and now < self._unread.at + _UNREAD_SECONDS:
            return
        if self._unread is not None and self._unread.left - left < _LEAST_BYTES:
            self.give_up()
        self._unread = _Unread(now, left)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._phase is _Phase.HEAD:
            room = _HEAD_BYTES - self._head_bytes
            self._head_bytes += len(data)
            self._feed(data[:room])
            data = data[room:]
            if data and self._phase is _Phase.HEAD:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        if data and not (self._is_deaf or self.transport.is_closing()):
            super().data_received(data)

    def on_message_begin(self) -> None:
        """See HttpToolsProtocol."""
        if self._phase is not _Phase.HEAD:
            raise _RefusedError
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See HttpToolsProtocol."""
        if len(self.headers) >= _HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            raise _RefusedError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See HttpToolsProtocol."""
        self._phase, self._is_whole, self._head_bytes = _Phase.WORK, False, 0
        self._chunks = self._body_bytes = 0
        self._all.mark_idle(self, is_idle=False)
        is_refused = self._all.is_full and self.url != _HEALTH_PATH
        self.limit_concurrency = 0 if is_refused else None
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Refuse a body of many small chunks: each costs as much as one of a megabyte."""
        self._chunks += 1
        if self._chunks > _CHUNKS + self._body_bytes // _CHUNK_BYTES:
            raise _RefusedError

    def on_body(self, body: bytes) -> None:
        """See HttpToolsProtocol."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See HttpToolsProtocol."""
        super().on_message_complete()
        self._is_whole = True
        if self._phase is _Phase.REST:
            self._phase, self._since = _Phase.HEAD, monotonic()

    def on_response_complete(self) -> None:
        """See HttpToolsProtocol."""
        self._phase = _Phase.HEAD if self._is_whole else _Phase.REST
        self._since = monotonic()
        self._all.mark_idle(self, is_idle=True)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no request, unless they follow a request in progress."""
        is_in_work = self.cycle is not None and not self.cycle.response_complete
        if is_in_work and self._is_whole:
            self._is_deaf = True
            self.cycle.keep_alive = False
        elif is_in_work and self.cycle.response_started:
            self.give_up()
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        self._unread = None

    def _refuse(self, status: HTTPStatus) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()
