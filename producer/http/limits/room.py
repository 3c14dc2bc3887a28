"""Room of the API: the number of requests of each kind that it serves at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import thread_time
from typing import TypeVar

from starlette.requests import Request

from producer.downloads import Download
from producer.http.limits.answer import HeldResponse
from producer.http.limits.body import is_small, read_body
from producer.http.limits.budget import Budget
from producer.http.limits.places import Places, Share
from settings.sections.api import ApiSettings

_PATIENCE_SECONDS = 20.0
_TURNS = 256
_UPLOADS = 16
_BODIES = 8
_BODIES_IN_WORK = 2
_DOWNLOADS = 32
_CHECKS = 2
_CHECK_SECONDS = 10.0
_CHECK_SECONDS_REGAINED = 0.25

T = TypeVar("T")


class Room:
    """Places for each kind of request, shared by tenants.

    Args:
        settings: The section `[api]` of the fleet's file.

    Attributes:
        turns: Places for requests in progress; a request that waits for its client or for a job has
            none.
        uploads: Places for files that are stored as they arrive; each needs up to 6 MiB.
        downloads: Places for results and files that are sent to a client; each needs up to 2 MiB.
        waiting: Places for requests that wait for a job: event streams, chats, and those with
            `wait`.
    """

    def __init__(self, settings: ApiSettings) -> None:
        self.turns = Places(
            "requests",
            _TURNS,
            Share(most=32, least=4, waiting=512),
            patience_seconds=_PATIENCE_SECONDS,
        )
        self.uploads = Places(
            "uploads",
            _UPLOADS,
            Share(most=_UPLOADS // 2, waiting=64),
            patience_seconds=_PATIENCE_SECONDS,
        )
        self.downloads = Places(
            "downloads",
            _DOWNLOADS,
            Share(most=_DOWNLOADS // 4, waiting=64),
            patience_seconds=_PATIENCE_SECONDS,
        )
        least = max(1, settings.waiting // 64)
        share = Share(most=settings.waiting // 4, least=least)
        self.waiting = Places("requests that wait for a job", settings.waiting, share)
        self._bodies = Places(
            "large requests",
            _BODIES,
            Share(most=_BODIES // 2, waiting=64),
            patience_seconds=_PATIENCE_SECONDS,
        )
        self._in_work = asyncio.Semaphore(_BODIES_IN_WORK)
        self._checks = Places(
            "requests whose schema is checked",
            _CHECKS,
            Share(most=1, waiting=64),
            patience_seconds=_PATIENCE_SECONDS,
        )
        self._check_time = Budget("chats", _CHECK_SECONDS, regained=_CHECK_SECONDS_REGAINED)

    async def check(self, tenant: str, work: Callable[[], T]) -> T:
        """Do work that may keep a processor busy for a while, beside the event loop.

        A tenant's works are done one after the other, within its budget of time.

        Args:
            tenant: Whose request it is for.
            work: Runs in a thread.

        Raises:
            TooManyAtOnceError: The tenant's works took more time lately than it has, or many wait.
            OverloadedError: Other tenants' works took too long.
        """
        self._check_time.check(tenant)
        with await self._checks.take(tenant):
            self._check_time.check(tenant)  # those before it may have spent the rest
            seconds = 0.0

            def timed() -> T:
                nonlocal seconds
                began = thread_time()
                try:
                    return work()
                finally:
                    seconds = thread_time() - began

            try:
                return await asyncio.to_thread(timed)
            finally:
                self._check_time.spend(tenant, seconds)

    @asynccontextmanager
    async def body(self, request: Request, tenant: str) -> AsyncIterator[bytes]:
        """Read a whole body; a large one holds a place during the block.

        A text of 8 MiB takes 32 MiB as Python's characters, and 8 MiB more when it is stored.

        Args:
            request: A request whose body is unread.
            tenant: The sender.

        Raises:
            TooManyAtOnceError: The tenant sends its maximum number of large bodies.
            OverloadedError: All places for large bodies are taken.
        """
        if is_small(request.headers):
            yield await read_body(request)
            return
        with await self._bodies.take(tenant):
            leave_turn(request)
            body = await read_body(request)
            async with self._in_work:
                yield body

    async def sent(
        self, download: Download, request: Request, tenant: str, *, media_type: str
    ) -> HeldResponse:
        """Return a download as an answer; it holds a place until it is read completely.

        Raises:
            TooManyAtOnceError: The tenant reads its maximum number of objects.
            OverloadedError: All places for downloads are taken.
        """
        place = await self.downloads.take(tenant)
        leave_turn(request)
        headers = {"content-length": str(download.size)}
        return HeldResponse(download.blocks(), place, media_type=media_type, headers=headers)


def leave_turn(request: Request) -> None:
    """Give up the tenant's turn while this request waits."""
    request.state.turn.release()
