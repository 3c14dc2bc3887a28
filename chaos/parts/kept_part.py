"""A part of the stack that is started again at once when it ends, as Kubernetes would.

`docfleet up` waits longer from one restart to the next, which a drill that kills every two seconds
cannot use.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from docfleet.processes.guard import Guard
from docfleet.processes.part import Part
from docfleet.processes.process import PartProcess

_PROBE_SECONDS = 0.05
_PATIENCE_SECONDS = 300


class KeptPart:
    """Keeps one part running until `close`.

    Args:
        part: What to run.
        family: The stack's name.
        log: Where its output goes.
        guard: Is told of its sessions.
    """

    def __init__(self, part: Part, *, family: str, log: Path, guard: Guard) -> None:
        self.part = part
        self.exits: list[int] = []
        self.pids: list[int] = []
        self.ready = asyncio.Event()
        self._family, self._log, self._guard = family, log, guard
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._down = asyncio.Event()
        self._closing = False
        self._process: PartProcess | None = None
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int:
        """The present process's id, or the last one's."""
        return self.pids[-1]

    async def _keep(self) -> None:
        while not self._closing:
            await self._may_run.wait()
            self._down.clear()
            process = PartProcess(self.part, family=self._family, log=self._log, guard=self._guard)
            self._process = process
            self.pids.append(process.pid)
            readiness = asyncio.create_task(self._await_ready(process))
            self.exits.append(await process.ended())
            self.ready.clear()
            self._process = None
            self._down.set()
            readiness.cancel()
            with suppress(asyncio.CancelledError):
                await readiness

    async def _await_ready(self, process: PartProcess) -> None:
        if self.part.probe is None:
            await process.announced.wait()
        else:
            while not await self.part.probe():
                await asyncio.sleep(_PROBE_SECONDS)
        self.ready.set()

    async def until_ready(self) -> None:
        """Wait until it does its work.

        Raises:
            TimeoutError: It does not in five minutes.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.ready.wait()

    def send(self, number: signal.Signals) -> None:
        """Signal its process."""
        if self._process is not None:
            self._process.send(number)

    async def kill(self) -> int:
        """Kill -9, and wait until its process is gone; gives the pid."""
        pid = self.pid
        self.ready.clear()
        self.send(signal.SIGKILL)
        await self.down(pid)
        return pid

    async def down(self, pid: int) -> None:
        """Wait until the process of this id is gone, whether another has taken its place or not."""
        while self.pid == pid and not self._down.is_set():
            await self._down.wait()

    def hold(self) -> None:
        """Do not start it again until `release`."""
        self._may_run.clear()

    def release(self) -> None:
        """Start it again."""
        self._may_run.set()

    async def close(self) -> None:
        """Make an end of it: what a drill leaves behind is of no worth."""
        self._closing = True
        self.send(signal.SIGKILL)
        if self._process is None:
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
