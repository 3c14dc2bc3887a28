"""Signs of life that a process gives its keeper, which kills it when they stay out."""

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
    """The process's side; made before it announces that it is ready.

    Without a keeper that listens, nothing is told.
    """

    def __init__(self) -> None:
        self._pipe: int | None = None
        descriptor = environ.get(READY_VARIABLE, "")
        if descriptor.isdigit():
            with suppress(OSError):
                self._pipe = os.dup(int(descriptor))  # that one is closed once all is ready
        if self._pipe is not None and sys.__stderr__ is not None:
            faulthandler.register(STACKS_SIGNAL, file=sys.__stderr__)

    def give(self, seconds: float) -> None:
        """Tell the keeper that this process lives.

        Args:
            seconds: How long the keeper is to wait for the next sign.
        """
        # A keeper that was stopped reads nothing: a full pipe would hold the event loop up.
        if self._pipe is None or not select.select((), (self._pipe,), (), 0)[1]:
            return
        with suppress(OSError):
            os.write(self._pipe, ALIVE_PREFIX + f"{seconds:g}\n".encode())

    async def give_forever(self, seconds: Callable[[], float]) -> None:
        """Give signs of the event loop's life until cancelled.

        Args:
            seconds: Tells how long the keeper is to wait for the next sign.
        """
        while True:
            self.give(seconds())
            await asyncio.sleep(min(_SIGN_SECONDS, seconds() / 4))
