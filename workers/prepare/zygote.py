"""The zygote: a process that loads all readers once, and forks a confined one for each document.

It never looks at a document. The worker asks it over a socket: a message with the limits, and with
it three descriptors: the document, a pipe for the answer, and a socket that is the reader's life.
The worker hangs up that socket to have the reader killed; the zygote tells there how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from workers.prepare.formats.format import Format
from workers.prepare.lockdown.confinement import Confinement
from workers.prepare.lockdown.privileges import die_with
from workers.prepare.ocr.recognizer import Recognizer
from workers.prepare.sandbox_child import Child

MESSAGE_BYTES = 4096
_DESCRIPTORS = 3
_ENGINE = "workers.prepare.ocr.tesseract"
_OPEN_FILES = 4096


@dataclass(frozen=True, slots=True)
class _Reader:
    """A reader at work."""

    process: int
    descriptor: int
    """Of the process."""
    place: int
    life: socket.socket


def main(arguments: list[str]) -> None:
    """Serve until the worker is gone.

    Args:
        arguments: The worker's process id, the descriptor of the socket to it, the languages of
            OCR with commas between them, or nothing, and the modules of the formats.
    """
    worker, control, languages, *modules = arguments
    die_with(os.pidfd_open(int(worker)))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    confinement = Confinement()
    formats = load_formats(modules)
    recognizer = load_recognizer(languages.split(",")) if languages else None
    gc.freeze()  # Objects that are never moved stay shared with the readers.
    confinement.settle()
    child = Child(confinement, formats, recognizer)
    Zygote(socket.socket(fileno=int(control)), confinement, child).serve()


def load_formats(modules: Iterable[str]) -> dict[str | None, Format]:
    """Load formats; return them by what `content.sniff` says of their documents.

    Raises:
        RuntimeError: One of them left a thread behind, which no fork would have.
    """
    formats: dict[str | None, Format] = {}
    for module in modules:
        found: Format = importlib.import_module(module).FORMAT
        found.load()
        _check_threads(module)
        formats[found.content] = found
    return formats


def load_recognizer(languages: Sequence[str]) -> Recognizer:
    """Load the OCR engine; only zygotes that recognize text import it, for it is large.

    Raises:
        RuntimeError: A language's model is not installed, or a thread is left behind.
    """
    engine: type[Recognizer] = importlib.import_module(_ENGINE).Tesseract
    recognizer = engine(languages)  # type: ignore[call-arg]  # the protocol is of what it can do
    _check_threads(_ENGINE)
    return recognizer


def _check_threads(module: str) -> None:
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  # names are all it takes
        raise RuntimeError(f"{module} leaves a thread behind: load() must not start any")


class Zygote:
    """Forks readers, and tells how they ended.

    Args:
        control: The socket to the worker.
        confinement: What readers are put under.
        child: What each of them does.
    """

    def __init__(self, control: socket.socket, confinement: Confinement, child: Child) -> None:
        self._control = control
        self._child = child
        self._confinement = confinement
        self._selector = selectors.DefaultSelector()
        self._readers: set[_Reader] = set()

    def serve(self) -> None:
        """Say which layers work, then serve until the worker hangs up."""
        report = {"off": self._confinement.off, "landlock": self._confinement.landlock_version}
        self._control.send(json.dumps(report).encode())
        self._watch(self._control, self._accept)
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _watch(self, file: socket.socket | int, act: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, act)

    def _accept(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, _DESCRIPTORS)
        if not message:
            os._exit(0)  # The worker is gone, and the readers go with this process.
        document, answer, life = descriptors
        self._start(json.loads(message), document, answer, socket.socket(fileno=life))

    def _start(
        self, asked: Mapping[str, Any], document: int, answer: int, life: socket.socket
    ) -> None:
        taken = {reader.place for reader in self._readers}
        place = next(number for number in count() if number not in taken)
        try:
            process = self._confinement.fork()
        except OSError as error:
            _tell(life, error=error.strerror)
            life.close()
            return
        else:
            if process == 0:
                self._child.run(asked, document=document, answer=answer, place=place)
        finally:
            os.close(document)
            os.close(answer)
        reader = _Reader(process, os.pidfd_open(process), place, life)
        self._readers.add(reader)
        self._watch(life, partial(self._kill, reader))
        self._watch(reader.descriptor, partial(self._bury, reader))

    def _kill(self, reader: _Reader) -> None:
        """The worker hung up."""
        if reader in self._readers:  # The reader may have been buried since both were known.
            self._selector.unregister(reader.life)
            signal.pidfd_send_signal(reader.descriptor, signal.SIGKILL)

    def _bury(self, reader: _Reader) -> None:
        """The reader ended."""
        _, status, used = os.wait4(reader.process, 0)
        end = os.waitstatus_to_exitcode(status)
        _tell(reader.life, status=end, cpu_seconds=used.ru_utime + used.ru_stime)
        self._readers.discard(reader)
        if reader.life in self._selector.get_map():
            self._selector.unregister(reader.life)
        self._selector.unregister(reader.descriptor)
        os.close(reader.descriptor)
        reader.life.close()


def _tell(life: socket.socket, **end: Any) -> None:
    with suppress(OSError):  # the worker may be gone
        life.send(json.dumps(end).encode())
