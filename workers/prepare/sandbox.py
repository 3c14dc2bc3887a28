"""The sandbox: one process per document, and what becomes of it.

The process confines itself (`sandbox_child.py`). Here it is started, timed and ended: when it has
answered, when its time is over, or when the caller is cancelled. Linux only.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

from schemas.failure import FailureCode
from settings.sections.limits import LimitSettings
from workers.errors import StageError
from workers.prepare.sandbox_child import PAGES

_START = (
    "import sys; sys.path.append(sys.argv[1]);"
    " from workers.prepare.sandbox_child import main; main()"
)
_STDERR = 2
_STDERR_BYTES = 4096
_HEADER_BYTES = 64
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


async def run_reader(data: bytes, limits: LimitSettings) -> list[str]:
    """Have a process of its own read a PDF.

    Args:
        data: The document.
        limits: What the process may use; the text may have `document_bytes` as well.

    Returns:
        The text of each page.

    Raises:
        StageError: A `document.*` code if the document cannot be read or a limit ended the
            process, worker.killed if somebody else ended it, worker.error if it gave no answer.
    """
    loop = asyncio.get_running_loop()
    with _memory_file(data) as document:
        transport, reader = await loop.subprocess_exec(
            lambda: _Reader(limits.document_bytes + limits.pages + _HEADER_BYTES),
            *_command(limits),
            stdin=document,
            env={},
            cwd="/",
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(limits.sandbox_wall_seconds):
            await reader.ended.wait()
    except TimeoutError:
        raise _exhausting(f"the {limits.sandbox_wall_seconds:g} s allowed") from None
    finally:
        _kill(transport)
        transport.close()
        await reader.ended.wait()
    return _pages(reader, transport.get_returncode(), limits)


class _Reader(asyncio.SubprocessProtocol):
    """What the process writes, up to a limit, and when it has ended."""

    def __init__(self, most: int) -> None:
        self.ended = asyncio.Event()
        self.answer = bytearray()
        self.complaint = bytearray()
        self.overflowed = False
        self._most = most
        self._transport: asyncio.SubprocessTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR:
            self.complaint = (self.complaint + data)[-_STDERR_BYTES:]
        elif len(self.answer) + len(data) <= self._most:
            self.answer += data
        else:
            self.overflowed = True
            _kill(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self.ended.set()


def _memory_file(data: bytes) -> BinaryIO:
    """A file without a name: the process reads it at its own pace, and no pipe can break."""
    file = open(os.memfd_create("document"), "wb", buffering=0)  # noqa: SIM115, PTH123  # the caller closes it; it has no path
    written = 0
    while written < len(data):
        written += file.write(memoryview(data)[written:])
    file.seek(0)
    return file


def _command(limits: LimitSettings) -> tuple[str, ...]:
    """The reader's command line; see `workers.prepare.sandbox_child.main`."""
    numbers = (
        os.getpid(),
        limits.sandbox_memory_bytes,
        limits.sandbox_cpu_seconds,
        limits.pages,
        limits.document_bytes,
    )
    folder = str(Path(__file__).parents[2])
    # -I and -S: nothing but the standard library and this folder, and no time lost on looking.
    start = (sys.executable, "-I", "-S", "-c", _START, folder)
    return (*start, *map(str, numbers), _pdfium())


@cache
def _pdfium() -> str:
    """Path of the library that the pypdfium2 package brings."""
    found = importlib.util.find_spec("pypdfium2_raw")
    if found is None or found.origin is None:
        raise StageError(FailureCode.WORKER_ERROR, "The package pypdfium2 is not installed.")
    return str(Path(found.origin).with_name("libpdfium.so"))


def _kill(transport: asyncio.SubprocessTransport) -> None:
    """End the process and all that it started; idempotent."""
    if transport.get_returncode() is None:
        with suppress(ProcessLookupError):
            os.killpg(transport.get_pid(), signal.SIGKILL)


def _pages(reader: _Reader, status: int | None, limits: LimitSettings) -> list[str]:
    """The pages that the reader found, or the failure that it or its end tells of."""
    if reader.overflowed:
        raise _exhausting(f"the {limits.document_bytes:,} bytes of text allowed")
    if status is not None and status < 0:
        raise _killed(signal.Signals(-status), limits)
    header, _, body = reader.answer.partition(b"\n")
    if status == 0 and header == PAGES.encode():
        return body.decode().split("\f")
    if status == 0 and header.decode(errors="replace") in set(FailureCode):
        raise StageError(FailureCode(header.decode()), body.decode())
    lines = reader.complaint.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    raise StageError(
        FailureCode.WORKER_ERROR, f"The reader ended with status {status}: {lines[-1]}"
    )


def _killed(by: signal.Signals, limits: LimitSettings) -> StageError:
    if by is signal.SIGXCPU:
        return _exhausting(f"the {limits.sandbox_cpu_seconds:,} s of CPU allowed")
    if by in _FROM_OUTSIDE:
        return StageError(
            FailureCode.WORKER_KILLED, f"The reader of the document was killed by a {by.name}."
        )
    return StageError(
        FailureCode.DOCUMENT_EXHAUSTING,
        f"The reader crashed with {by.name}, most often a sign that the document needs more than"
        f" the {limits.sandbox_memory_bytes:,} bytes of memory allowed.",
    )


def _exhausting(limit: str) -> StageError:
    return StageError(
        FailureCode.DOCUMENT_EXHAUSTING, f"Reading the document took more than {limit}."
    )
