"""One process of a part, from its start until the last of its family is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from docfleet.processes.bare_python import bare_command
from docfleet.processes.descendants import FAMILY_VARIABLE, kill_family
from docfleet.processes.guard import Guard
from docfleet.processes.part import Part
from docfleet.processes.vigil import Vigil
from settings.announcements import READY_LINE, READY_VARIABLE, STEP_PREFIX

_PIPE_BYTES = 4096


class PartProcess:
    """A running process that leads a session of its own, so that a terminal's Ctrl-C passes it by.

    Args:
        part: What to start.
        family: The stack's name; see FAMILY_VARIABLE.
        log: Where its standard output and error go.
        guard: Is told of the session.
        on_step: Called with each thing that it says it does before it is ready.
    """

    def __init__(
        self,
        part: Part,
        *,
        family: str,
        log: Path,
        guard: Guard,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self.announced = asyncio.Event()
        self.vigil = Vigil()
        self._mourn = part.mourn
        self._on_step = on_step
        self._heard = b""
        self._prefix = f"{family}.{part.name}."
        self._guard = guard
        self._ready_end, ready_end_of_part = os.pipe()
        try:
            self._child = _start(part, self._prefix, log, ready_end_of_part)
        except BaseException:
            os.close(self._ready_end)
            raise
        finally:
            os.close(ready_end_of_part)
        guard.know(self.pid)
        self._exited = asyncio.Event()
        self._pidfd = os.pidfd_open(self.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, self._exited.set)
        loop.add_reader(self._ready_end, self._read_announcements)

    @property
    def pid(self) -> int:
        """The process's id, its group's and its session's."""
        return self._child.pid

    def _read_announcements(self) -> None:
        heard = os.read(self._ready_end, _PIPE_BYTES)
        *lines, self._heard = (self._heard + heard).split(b"\n")
        for line in lines:
            if line.startswith(STEP_PREFIX):
                self._tell_step(line.removeprefix(STEP_PREFIX).decode(errors="replace"))
            elif line == READY_LINE.strip():
                self.announced.set()
            else:
                self.vigil.hear(line)
        if not heard:
            asyncio.get_running_loop().remove_reader(self._ready_end)

    def _tell_step(self, step: str) -> None:
        if self._on_step is not None:
            self._on_step(step)

    async def ended(self) -> int:
        """Wait until it and its family are gone.

        Returns:
            The exit status; negative for the signal that killed it.
        """
        await self._exited.wait()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        loop.remove_reader(self._ready_end)
        # While its exit status has not been fetched, no other process can get its pid.
        await asyncio.to_thread(kill_family, self._prefix, {self.pid})
        self._guard.forget(self.pid)
        os.close(self._pidfd)
        os.close(self._ready_end)
        if self._mourn is not None:
            await self._mourn()
        return self._child.wait()

    def send(self, number: signal.Signals) -> None:
        """Signal the process alone: what it started is its own to end."""
        with suppress(ProcessLookupError):
            self._child.send_signal(number)


def _start(part: Part, prefix: str, log: Path, ready_end: int) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # argv is built by stack.py, without a shell
            bare_command("docfleet.processes.launch", str(os.getpid()), *part.argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**part.environment, READY_VARIABLE: str(ready_end), FAMILY_VARIABLE: prefix},
            cwd=part.folder,
            pass_fds=(ready_end,),
            start_new_session=True,
        )
