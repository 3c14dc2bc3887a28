"""The sandbox, as the worker sees it: documents go in, and pages or failures come out.

A zygote (`zygote.py`) forks a process for each document, which confines itself. A reader is ended
when it has answered, when its time is over, or when the caller is cancelled. Linux only.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Collection, Sequence
from typing import BinaryIO

import structlog

from schemas.failure import FailureCode
from settings.errors import SettingsError
from settings.sections.limits import LimitSettings
from settings.sections.sandbox import SandboxLayer
from workers.errors import StageError
from workers.prepare.answer import Reading, parse_answer
from workers.prepare.formats import FORMATS
from workers.prepare.zygote_link import End, Layers, ReaderLink, ZygoteLink

log = structlog.get_logger(__name__)

_FORM_BYTES = 1024
"""Of JSON around the text of a page, with the name of its part."""
_PLACES_BYTES = 2**20
"""Of JSON for the places of a page's words."""
_ALMOST, _SAMPLING_SECONDS = 0.95, 0.25
"""The kernel kills by a clock that counts ticks, and tells the time that was really used."""


class Sandbox:
    """Reads documents, each in a process that can do nothing else.

    Args:
        require: Layers without which it does not start.
        formats: The modules of what it reads.
        languages: Of the images of pages that it reads by OCR; none for a sandbox without OCR.
    """

    def __init__(
        self,
        require: Collection[SandboxLayer] = (),
        formats: Sequence[str] = FORMATS,
        languages: Sequence[str] = (),
    ) -> None:
        self._require = require
        self._formats = formats
        self._languages = languages
        self._zygote: ZygoteLink | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> Layers:
        """Start it; return which layers work here.

        Raises:
            SettingsError: A required layer does not.
            SandboxStartError: The zygote did not start.
        """
        return (await self._running()).layers

    def stop(self) -> None:
        """Kill all readers; idempotent."""
        if self._zygote is not None:
            self._zygote.stop()
            self._zygote = None

    async def read(self, data: bytes, limits: LimitSettings, wanted: Sequence[int] = ()) -> Reading:
        """Have a process of its own read a document.

        Args:
            data: The document.
            limits: What the process may use; the text may have `document_bytes` as well.
            wanted: Numbers of the pages to read by OCR, and no other; none for all, without OCR.

        Raises:
            StageError: A `document.*` code if the document cannot be read or a limit ended the
                process, worker.killed if somebody else ended it, worker.error if its answer makes
                no sense.
        """
        reader = await self._fork(data, limits, wanted)
        try:
            async with asyncio.timeout(limits.sandbox_wall_seconds):
                answer = await reader.answer(_most(limits, wanted))
                end = await reader.end() if answer is not None else None
        except TimeoutError:
            raise _exhausting(f"the {limits.sandbox_wall_seconds:g} s allowed") from None
        finally:
            await reader.kill()
        if answer is None:
            raise _exhausting(f"the {limits.document_bytes:,} bytes of text allowed")
        _check_end(end, limits)
        return await asyncio.to_thread(parse_answer, answer, max_pages=limits.pages)

    async def _fork(self, data: bytes, limits: LimitSettings, wanted: Sequence[int]) -> ReaderLink:
        zygote = await self._running()
        asked = {
            "memory": limits.sandbox_memory_bytes,
            "cpu": limits.sandbox_cpu_seconds,
            "pages": limits.pages,
            "text": limits.document_bytes,
            "wanted": list(wanted),
        }
        with _memory_file(data) as document:
            try:
                return zygote.fork(document, asked)
            except OSError as error:
                raise StageError(
                    FailureCode.WORKER_ERROR, f"The reader cannot be started: {error.strerror}."
                ) from error

    async def _running(self) -> ZygoteLink:
        """Return the zygote; start another if it died."""
        async with self._starting:
            if self._zygote is None or not self._zygote.lives:
                self.stop()
                zygote = await ZygoteLink.start(self._formats, self._languages)
                self._zygote = zygote
                log.info("sandbox", **zygote.layers.told())
                self._check_layers(zygote.layers)
            return self._zygote

    def _check_layers(self, layers: Layers) -> None:
        missing = sorted(layers.off.keys() & self._require)
        if missing:
            self.stop()
            reasons = "; ".join(f"{layer} ({layers.off[layer]})" for layer in missing)
            raise SettingsError(
                f"[sandbox] require: these layers do not work here: {reasons};"
                " docs/sandbox.md says what each of them takes"
            )


def _most(limits: LimitSettings, wanted: Sequence[int]) -> int:
    """Return the most bytes of an honest answer: JSON writes a line end in two."""
    form = (limits.pages + 2) * _FORM_BYTES + len(wanted) * _PLACES_BYTES
    return 2 * limits.document_bytes + form


def _memory_file(data: bytes) -> BinaryIO:
    """Make a file without a name: the process reads it at its own pace, and no pipe can break."""
    file = open(os.memfd_create("document"), "wb", buffering=0)  # noqa: SIM115, PTH123  # the caller closes it; it has no path
    written = 0
    while written < len(data):
        written += file.write(memoryview(data)[written:])
    file.seek(0)
    return file


def _check_end(end: End | None, limits: LimitSettings) -> None:
    """Refuse the answer of a process that did not end by itself and well."""
    if end is None:
        raise StageError(FailureCode.WORKER_KILLED, "The process that forks readers was killed.")
    if end.error:
        raise StageError(FailureCode.WORKER_ERROR, f"The reader cannot be started: {end.error}.")
    if end.status < 0:
        raise _killed(signal.Signals(-end.status), end.cpu_seconds, limits)
    if end.status > 0:
        reason = os.strerror(end.status)
        raise StageError(
            FailureCode.WORKER_ERROR, f"The reader ended with status {end.status} ({reason})."
        )


def _killed(by: signal.Signals, cpu_seconds: float, limits: LimitSettings) -> StageError:
    if cpu_seconds >= limits.sandbox_cpu_seconds * _ALMOST - _SAMPLING_SECONDS:
        return _exhausting(f"the {limits.sandbox_cpu_seconds:,} s of CPU allowed")
    if by is signal.SIGKILL:
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
