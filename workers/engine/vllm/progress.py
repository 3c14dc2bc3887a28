"""Steps of a starting engine, read from the log of its processes.

A large model takes minutes to load, in processes that report nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import structlog

from settings.ready import announce_step

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.3
_STEPS = (
    (re.compile(r"^Starting to load model"), "loading the weights"),
    (re.compile(r"torch\.compile|Dynamo|Compiling a graph|for the compilation"), "compiling"),
    (re.compile(r"KV cache size|KV cache of"), "making the KV cache"),
    (re.compile(r"Graph capturing|Capturing"), "capturing CUDA graphs"),
)


@contextmanager
def told_steps(progress: Path) -> Iterator[None]:
    """Report the steps of a starting engine to the supervisor and the log.

    Args:
        progress: Log file of the engine's processes, from INFO on.
    """
    started = Event()
    teller = Thread(target=_tell, args=(progress, started), name="engine-steps", daemon=True)
    teller.start()
    try:
        yield
    finally:
        started.set()
        teller.join()


def _tell(progress: Path, started: Event) -> None:
    told, read = "", 0
    while not started.wait(_LOOK_SECONDS):
        lines = _lines(progress)
        for step in filter(None, map(step_of, lines[read:])):
            if step != told:
                announce_step(step)
                log.info(step)
            told = step
        read = len(lines)


def _lines(progress: Path) -> list[str]:
    try:
        return progress.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def step_of(line: str) -> str | None:
    """Return the step that begins with a line of vLLM's log, or None.

    Args:
        line: Message of the line.
    """
    return next((step for pattern, step in _STEPS if pattern.search(line)), None)
