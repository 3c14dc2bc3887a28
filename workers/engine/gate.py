"""The gate: bounds the requests that a pool's engine handles at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from workers.errors import GateClosedError
from workers.metrics import step


class Gate:
    """Admits as many requests as there are slots; the others wait in order.

    A suspect's request waits until the engine is empty, and then runs alone. Suspects go first:
    otherwise an engine that is never idle would never run them.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._inside = 0
        self._held_alone = False
        self._closed = False
        self._line: deque[asyncio.Future[None]] = deque()
        self._suspects: deque[asyncio.Future[None]] = deque()

    @property
    def slots(self) -> int:
        """Return the maximum requests at once."""
        return self._slots

    @property
    def inside(self) -> int:
        """Return the number of admitted requests."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Return the number of requests that wait for a slot, suspects included."""
        return len(self._line) + len(self._suspects)

    def resize(self, slots: int) -> None:
        """Change the number of slots."""
        self._slots = slots
        self._admit()

    def close(self) -> None:
        """Refuse all waiting and later requests with GateClosedError: the engine is gone."""
        self._closed = True
        self._admit()

    @asynccontextmanager
    async def passage(self, *, alone: bool = False) -> AsyncIterator[None]:
        """Wait for a slot, and hold it for the block.

        Args:
            alone: True to wait for all slots.

        Raises:
            GateClosedError: The engine is gone.
        """
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._suspects if alone else self._line).append(place)
        self._admit()
        try:
            with step("gate"):
                await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._leave()
            raise
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        self._held_alone = False
        self._admit()

    def _admit(self) -> None:
        while line := self._suspects or self._line:
            if self._closed:
                _answer(line.popleft(), GateClosedError("The engine is gone."))
                continue
            alone = line is self._suspects
            if self._held_alone or self._inside >= (1 if alone else self._slots):
                return
            if _answer(line.popleft()):
                self._inside += 1
                self._held_alone = alone


def _answer(place: asyncio.Future[None], error: Exception | None = None) -> bool:
    """Admit or refuse the first in line; False when it no longer waits."""
    if place.done():
        return False
    if error is not None:
        place.set_exception(error)
    else:
        place.set_result(None)
    return True
