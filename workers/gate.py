"""The gate: how many requests a pool's engine is given at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets through as many requests as the pool was tuned for; the others wait in order."""

    def __init__(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it for the block."""
        async with self._slots:
            yield
