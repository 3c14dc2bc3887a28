"""A TCP proxy between a part and a server, which can be cut and can swallow answers.

It reads the data only to find an HTTP request whose answer it has to swallow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

_CHUNK = 64 * 1024
_CONTINUE = b"HTTP/1.1 100"

Swallows = Callable[[bytes], bool]
"""Function that decides, from the head of a request, whether its answer is swallowed."""


class Proxy:
    """A proxy on loopback, for the length of an `async with` block.

    Args:
        port: Port of the server, on loopback.
        swallows: Selects answers that never arrive: the server has acted, and the connection
            breaks.
    """

    def __init__(self, port: int, *, swallows: Swallows = lambda _: False) -> None:
        self.swallowed = 0
        self._server_port = port
        self._swallows = swallows
        self._passes = asyncio.Event()
        self._passes.set()
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """Let nothing through, without closing or refusing a connection."""
        self._passes.clear()

    def heal(self) -> None:
        """Let everything through, including the data that was sent meanwhile."""
        self._passes.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._links.add(task)
            task.add_done_callback(self._links.discard)
        with suppress(OSError, asyncio.CancelledError):
            await self._passes.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            await _Link(self._passes, self._swallows, self).join(
                reader, writer, far_reader, far_writer
            )

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)


class _Link:
    """One connection through the proxy."""

    def __init__(self, passes: asyncio.Event, swallows: Swallows, proxy: Proxy) -> None:
        self._passes = passes
        self._swallows = swallows
        self._proxy = proxy
        self._swallow_next = False

    async def join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        """Pass data on until one side ends."""
        there = asyncio.ensure_future(self._requests(reader, far_writer))
        back = asyncio.ensure_future(self._answers(far_reader, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            writer.close()
            far_writer.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passes.wait()
                if self._swallows(data):
                    self._swallow_next = True
                writer.write(data)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passes.wait()
                if self._swallow_next and not data.startswith(_CONTINUE):
                    self._proxy.swallowed += 1
                    return
                writer.write(data)
                await writer.drain()
