"""Turns at reading batches' lines: tenants take them one after the other, and each is short."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Turns:
    """Turns at work that keeps a processor busy.

    Args:
        at_once: Maximum turns at one time.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Have a turn for the length of a block, after one of each tenant that waits already."""
        if self._free and not self._waiting:
            self._free -= 1
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, tenant: str) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():  # it came in the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give a turn to the tenant that has waited for one the longest."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            line = self._waiting.pop(tenant)
            granted = line.popleft()
            if line:
                self._waiting[tenant] = line  # at the end
            if not granted.done():
                granted.set_result(None)
                return
        self._free += 1


class Slots:
    """Slots of a stage, of which each tenant may take a share.

    Args:
        total: The number of slots.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._held: Counter[str] = Counter()

    @contextmanager
    def slot(self, tenant: str) -> Iterator[bool]:
        """Take a slot for the length of a block; gives whether the tenant was given one.

        A tenant may have half of all slots while half of them are free, and one after that.
        """
        free = self._total - self._held.total()
        most = max(1, self._total // 2) if 2 * free > self._total else 1
        if self._held[tenant] >= most:
            yield False
            return
        self._held[tenant] += 1
        try:
            yield True
        finally:
            self._held[tenant] -= 1
            self._held += Counter()  # forgets tenants that hold none
