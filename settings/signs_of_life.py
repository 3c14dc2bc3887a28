"""Signs of life of a process to its keeper, which kills it when they stop."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from os import environ  # noqa: TID251  # settings is the place where it is read

from settings.announcements import ALIVE_PREFIX, READY_VARIABLE, STACKS_SIGNAL

_SIGN_SECONDS = 1.0


class SignsOfLife:
    """The process's side; create it before the process reports that it is ready.

    Without a keeper, nothing is written.
    """

    def __init__(self) -> None:
        self._pipe: int | None = None
        descriptor = environ.get(READY_VARIABLE, "")
        if descriptor.isdigit():
            with suppress(OSError):
                self._pipe = os.dup(int(descriptor))  # that descriptor is closed once all is ready
        if self._pipe is not None and sys.__stderr__ is not None:
            faulthandler.register(STACKS_SIGNAL, file=sys.__stderr__)

    def give(self, seconds: float) -> None:
        """Tell the keeper that this process is alive.

        Args:
            seconds: Maximum seconds until the next sign.
        """
        # A stopped keeper reads nothing: a full pipe would block the event loop.
        if self._pipe is None or not select.select((), (self._pipe,), (), 0)[1]:
            return
        with suppress(OSError):
            os.write(self._pipe, ALIVE_PREFIX + f"{seconds:g}\n".encode())

    async def give_forever(self, seconds: Callable[[], float]) -> None:
        """Give signs of life of the event loop until cancelled.

        Args:
            seconds: Returns the maximum seconds until the next sign.
        """
        while True:
            self.give(seconds())
            await asyncio.sleep(min(_SIGN_SECONDS, seconds() / 4))
