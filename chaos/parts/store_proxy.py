"""An HTTP proxy before the object store, with the faults of such proxies."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum, auto
from io import BytesIO
from typing import Self

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

_MOST_BYTES = 2**30
_PAGE = b"<html><head><title>Sorry</title></head><body><p>We will be back soon.</body></html>"
_NOT_PASSED_ON = frozenset(
    {hdrs.EXPECT, hdrs.TRANSFER_ENCODING, hdrs.CONNECTION, hdrs.CONTENT_LENGTH}
)


class Fault(Enum):
    """Fault of one call."""

    CUT = auto()
    """The store acts, and its answer is cut off, in the middle of the body if it has one."""
    PAGE = auto()
    """An HTML page with status 200; the store gets nothing."""
    SWALLOWED = auto()
    """A put is answered with success; the store gets nothing."""
    SHORT = auto()
    """Half of the body, with its length as the full length."""
    JUNK = auto()
    """Half of the body, filled up with zeros."""
    BARE = auto()
    """The answer without its headers."""
    MISSING_PAGE = auto()
    """An HTML page with status 404; the store gets nothing."""


Chooses = Callable[[web.Request], Fault | None]
"""Function that chooses the fault of a call, or None."""


def at_random(shares: Mapping[Fault, float]) -> Chooses:
    """Choose at random.

    Args:
        shares: Share of each fault among the calls that it fits, from 0 to 1.
    """

    def choose(request: web.Request) -> Fault | None:
        for fault, share in shares.items():
            fits = fault is not Fault.SWALLOWED or puts_object(request)
            if fits and random.random() < share:
                return fault
        return None

    return choose


def puts_object(request: web.Request) -> bool:
    """Return whether a call puts an object, or a part of one."""
    return request.method == hdrs.METH_PUT and request.path.count("/") > 1


class StoreProxy:
    """A proxy on loopback, for the length of an `async with` block.

    Args:
        port: Port of the store, on loopback.

    Attributes:
        port: Port of the proxy.
        chooses: Chooses the faults; none at first.
        made: Count of each fault.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.chooses: Chooses = at_random({})
        self.made: Counter[Fault] = Counter()
        self._store = URL(f"http://127.0.0.1:{port}")

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)
        )
        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = self.chooses(request)
        if fault is not None:
            self.made[fault] += 1
        if fault is Fault.SWALLOWED:
            return web.Response(headers={"ETag": f'"{random.randbytes(16).hex()}"'})
        if fault in {Fault.PAGE, Fault.MISSING_PAGE}:
            status = 200 if fault is Fault.PAGE else 404
            return web.Response(status=status, body=_PAGE, content_type="text/html")
        status, headers, answer = await self._asked(request, body)
        match fault:
            case Fault.CUT:
                return await _cut(request, status, headers, answer)
            case Fault.SHORT:
                answer = answer[: len(answer) // 2]
            case Fault.JUNK:
                answer = answer[: len(answer) // 2].ljust(len(answer), b"\0")
            case Fault.BARE:
                headers = {}
        if request.method == hdrs.METH_HEAD:
            return web.Response(status=status, headers=headers)
        headers.pop(hdrs.CONTENT_LENGTH, None)
        return web.Response(status=status, headers=headers, body=answer)

    async def _asked(self, request: web.Request, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return the store's own answer: status, headers and body."""
        url = self._store.join(URL(request.raw_path, encoded=True))
        headers = [
            (name, value) for name, value in request.headers.items() if name not in _NOT_PASSED_ON
        ]
        async with self._session.request(
            request.method,
            url,
            headers=headers,
            data=BytesIO(body) if body else None,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        ) as answer:
            said = {
                name: value for name, value in answer.headers.items() if name not in _NOT_PASSED_ON
            }
            if hdrs.CONTENT_LENGTH in answer.headers:
                said[hdrs.CONTENT_LENGTH] = answer.headers[hdrs.CONTENT_LENGTH]
            return answer.status, said, await answer.read()


async def _cut(
    request: web.Request, status: int, headers: Mapping[str, str], body: bytes
) -> web.StreamResponse:
    """Send half of an answer, and break the connection."""
    response = web.StreamResponse(status=status, headers=headers)
    if body:
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
