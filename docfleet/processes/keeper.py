"""The keeper of a part: starts its process, starts it again when it ends, stops it when told."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from docfleet.errors import BadUsageError, PartFailedError
from docfleet.processes.backoff import Backoff
from docfleet.processes.guard import Guard
from docfleet.processes.log import PartLog
from docfleet.processes.part import Part, PartState
from docfleet.processes.process import PartProcess
from docfleet.processes.vigil import TICK_SECONDS, is_stopped
from settings.announcements import STACKS_SECONDS, STACKS_SIGNAL

_PROBE_SECONDS = 0.1
_CONFIGURED_WRONGLY = frozenset({os.EX_CONFIG, BadUsageError.exit_code})
_MOST_FIRST_STARTS = 5
"""Maximum processes of a part that never becomes ready."""

Changed = Callable[["PartKeeper", str], None]
"""Told of a keeper whose part is in another state, and why in words."""


class PartKeeper:
    """Keeps one part alive.

    Args:
        part: What to keep.
        family: The stack's name.
        logs: Folder of the log files.
        guard: Watches over the families.
        changed: Called at each change of state.
    """

    def __init__(
        self, part: Part, *, family: str, logs: Path, guard: Guard, changed: Changed
    ) -> None:
        self.part = part
        self.state = PartState.STARTING
        self.pid: int | None = None
        self.restarts = 0
        self.ready = asyncio.Event()
        self.step = ""
        """What the part says it does before it is ready."""
        self.log = PartLog(logs / f"{part.name}.log")
        self._family = family
        self._guard = guard
        self._changed = changed
        self._stopping = asyncio.Event()
        self._process: PartProcess | None = None
        self._ready_at: float | None = None
        self._hung: str | None = None
        self._backoff = Backoff()

    async def keep(self) -> None:
        """Keep the part alive until `stop`.

        Raises:
            PartFailedError: It was never ready, and is configured wrongly (exit status 2 or
                EX_CONFIG) or was started five times.
        """
        while not self._stopping.is_set():
            status = await self._run_once()
            if self._stopping.is_set():
                break
            if self._is_configured_wrongly(status) or self._is_hopeless():
                self._become(PartState.FAILED)
                raise PartFailedError(self._obituary(status))
            await self._pause(status)
        self._become(PartState.STOPPED)

    async def _run_once(self) -> int:
        """One process from its start to its end; gives its exit status."""
        self.log.rotate()
        self._ready_at = self._hung = None
        self._started_at = monotonic()
        process = PartProcess(
            self.part,
            family=self._family,
            log=self.log.path,
            guard=self._guard,
            on_step=self._on_step,
        )
        self._process, self.pid = process, process.pid
        self._become(PartState.STARTING)
        watchers = [
            asyncio.create_task(self._await_ready(process)),
            asyncio.create_task(self._keep_vigil(process)),
        ]
        try:
            return await process.ended()
        finally:
            self._process = self.pid = None
            for watcher in watchers:
                watcher.cancel()
                with suppress(asyncio.CancelledError):
                    await watcher

    def _on_step(self, step: str) -> None:
        self.step = step
        seconds = monotonic() - self._started_at
        self._become(PartState.STARTING, f"{step} (after {seconds:.0f} s)")

    async def _await_ready(self, process: PartProcess) -> None:
        if self.part.probe is None:
            await process.announced.wait()
        else:
            while not self._stopping.is_set() and not await self.part.probe():
                await self._rest(_PROBE_SECONDS)
        if not self._stopping.is_set():
            self._ready_at = monotonic()
            self._become(PartState.READY, self.part.place)
            self.ready.set()

    async def _keep_vigil(self, process: PartProcess) -> None:
        """Kill a process that hangs."""
        while process.vigil.problem is None:
            await asyncio.sleep(TICK_SECONDS)
            process.vigil.tick(TICK_SECONDS, is_stopped=is_stopped(process.pid))
        self._hung = process.vigil.problem
        process.send(STACKS_SIGNAL)
        await asyncio.sleep(STACKS_SECONDS)
        process.send(signal.SIGKILL)

    def _is_configured_wrongly(self, status: int) -> bool:
        """Tell whether a part never became ready: it is then configured wrongly."""
        return not self.ready.is_set() and status in _CONFIGURED_WRONGLY

    def _is_hopeless(self) -> bool:
        return not self.ready.is_set() and self.restarts + 1 >= _MOST_FIRST_STARTS

    async def _pause(self, status: int) -> None:
        """Wait before the next start, unless told to stop."""
        ready_seconds = monotonic() - self._ready_at if self._ready_at is not None else 0.0
        wait = self._backoff.wait_after(ready_seconds)
        self.restarts += 1
        self._become(
            PartState.RESTARTING,
            f"it {self._ending(status)}; starts again in {wait:g} s; log: {self.log.path}",
        )
        await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        """Do nothing for a while, but wake when told to stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _obituary(self, status: int) -> str:
        wrong = self._is_configured_wrongly(status)
        why = "cannot run as it is configured" if wrong else "does not start"
        end = self.log.end() or "(it wrote nothing)"
        return (
            f"{self.part.name} {why}: it {self._ending(status)}. The end of {self.log.path}:\n{end}"
        )

    def _ending(self, status: int) -> str:
        how = f"ended with exit status {status}"
        if status < 0:
            how = f"was killed by {signal.Signals(-status).name}"
        return f"{self._hung} and {how}" if self._hung else how

    def _become(self, state: PartState, words: str = "") -> None:
        self.state = state
        if state is not PartState.STARTING:
            self.step = ""
        self._changed(self, words)

    def stop(self) -> None:
        """Tell the part to finish what it has and to end; `keep` returns when it has."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._process is not None:
            self._become(PartState.STOPPING)
            self._process.send(signal.SIGTERM)
            asyncio.get_running_loop().call_later(self.part.stop_seconds, self.kill)

    def kill(self) -> None:
        """Make an end of a part that was told to stop."""
        if self._process is not None:
            self._process.send(signal.SIGKILL)
