"""The worker's connection to its zygote, and to each reader that this forks for it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from workers.errors import WorkerError
from workers.prepare.lockdown.confinement import LAYERS

_START = (
    "import sys; sys.path.append(sys.argv[1]);"
    " from workers.prepare.zygote import main; main(sys.argv[2:])"
)
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""All of a zygote's: libraries would start threads as they are loaded, which no fork keeps."""
_REPORT_BYTES = 65_536
_CHUNK = 2**20
_START_SECONDS = 120
_END_SECONDS = 10


class SandboxStartError(WorkerError):
    """The zygote did not start; the reason stands in the worker's log."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Which layers of the sandbox work on this machine."""

    off: Mapping[str, str]
    """Those that do not, and why."""
    landlock: int
    """The version of Landlock; 0 without it."""

    def told(self) -> dict[str, object]:
        """Say of each layer whether it works, for the log."""
        states = {layer: self.off.get(layer, "on") for layer in LAYERS}
        return {**states, "landlock_version": self.landlock}


@dataclass(frozen=True, slots=True)
class End:
    """End of a reader."""

    status: int = 0
    """Its exit status; negative for the signal that killed it."""
    cpu_seconds: float = 0
    error: str = ""
    """Why it could not be forked, if so."""


class ZygoteLink:
    """A running zygote.

    The kernel kills it when the thread that started it ends, so start it on one that lives as long
    as the worker.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self.layers = Layers({}, 0)

    @classmethod
    async def start(cls, formats: Sequence[str], languages: Sequence[str] = ()) -> Self:
        """Start a zygote and wait until it has loaded its formats.

        Args:
            formats: The modules of what it is to read.
            languages: Of OCR; none for a zygote that has no OCR.

        Raises:
            SandboxStartError: It ended, or took more than two minutes.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            link = cls(_spawn(theirs, formats, languages), ours)
        ours.setblocking(False)
        try:
            link.layers = await link._report()
        except BaseException:
            link.stop()
            raise
        return link

    async def _report(self) -> Layers:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_START_SECONDS):
                report = await loop.sock_recv(self._control, _REPORT_BYTES)
        except TimeoutError:
            raise SandboxStartError(
                f"The process that reads documents did not start within {_START_SECONDS} s."
            ) from None
        if not report:
            raise SandboxStartError("The process that reads documents ended as it started.")
        return Layers(**json.loads(report))

    @property
    def lives(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    def fork(self, document: BinaryIO, asked: Mapping[str, object]) -> ReaderLink:
        """Have a reader forked for a document.

        Raises:
            OSError: The zygote is gone.
        """
        life, its_life = socket.socketpair()
        answer, its_answer = os.pipe()
        message = json.dumps(asked).encode()
        try:
            descriptors = [document.fileno(), its_answer, its_life.fileno()]
            socket.send_fds(self._control, [message], descriptors)
        except BaseException:
            life.close()
            os.close(answer)
            raise
        finally:
            its_life.close()
            os.close(its_answer)
        life.setblocking(False)
        return ReaderLink(self, life, os.fdopen(answer, "rb", buffering=0))

    def stop(self) -> None:
        """Kill it and its readers; idempotent."""
        self._process.kill()
        self._process.wait()
        self._control.close()


class ReaderLink:
    """A reader at work.

    Args:
        zygote: Its parent.
        life: The socket whose end is the reader's.
        answer: Where its answer arrives.
    """

    def __init__(self, zygote: ZygoteLink, life: socket.socket, answer: BinaryIO) -> None:
        self._zygote = zygote
        self._life = life
        self._answer = answer
        self._end: End | None = None

    async def answer(self, most: int) -> bytearray | None:
        """Wait for all that it writes; None if that is more bytes than `most`."""
        stream = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(stream)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: protocol, self._answer
        )
        answer = bytearray()
        try:
            while chunk := await stream.read(_CHUNK):
                answer += chunk
                if len(answer) > most:
                    return None
        finally:
            transport.close()
        return answer

    async def end(self) -> End | None:
        """Wait until it is gone; None if its zygote went with it."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while chunk := await loop.sock_recv(self._life, _REPORT_BYTES):
                self._end = End(**json.loads(chunk))
        return self._end

    async def kill(self) -> None:
        """Kill it if it lives and wait until it is gone; a zygote that hangs goes with it."""
        with suppress(OSError):  # both have ended
            self._life.shutdown(socket.SHUT_WR)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self.end()
        except TimeoutError:
            self._zygote.stop()
        finally:
            self._life.close()
            self._answer.close()


def _spawn(
    control: socket.socket, formats: Sequence[str], languages: Sequence[str]
) -> subprocess.Popen[bytes]:
    # The folder goes last, so that nothing in it can stand before the standard library.
    folder = str(Path(__file__).parents[2])
    arguments = (folder, str(os.getpid()), str(control.fileno()), ",".join(languages), *formats)
    return subprocess.Popen(  # noqa: S603  # our own code
        (sys.executable, "-I", "-c", _START, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(control.fileno(),),
        start_new_session=True,
        env=_ENVIRONMENT,
        cwd="/",
    )
