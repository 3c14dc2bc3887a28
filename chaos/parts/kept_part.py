"""A part of the stack that is restarted at once when it ends, as by Kubernetes.

`docfleet up` waits longer after each restart; a drill that kills every two seconds cannot use it.
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
        part: The part.
        family: The stack's name.
        log: File of its output.
        guard: Guard that gets its sessions.
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
        """Return the id of the present process, or of the last one."""
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
        """Wait until the part is ready.

        Raises:
            TimeoutError: The part is not ready within five minutes.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.ready.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its process."""
        if self._process is not None:
            self._process.send(number)

    async def kill(self) -> int:
        """Kill it with -9, and wait until its process is gone; return the pid."""
        pid = self.pid
        self.ready.clear()
        self.send(signal.SIGKILL)
        await self.down(pid)
        return pid

    async def down(self, pid: int) -> None:
        """Wait until the process with this id is gone, even if another has replaced it."""
        while self.pid == pid and not self._down.is_set():
            await self._down.wait()

    def hold(self) -> None:
        """Do not restart it until `release`."""
        self._may_run.clear()

    def release(self) -> None:
        """Restart it."""
        self._may_run.set()

    async def close(self) -> None:
        """Kill it: the data of a drill is not needed."""
        self._closing = True
        self.send(signal.SIGKILL)
        if self._process is None:
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
