"""One part of the local stack: what to start, and how to tell that it is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

Mourn = Callable[[], Awaitable[None]]
"""Tells whoever has to know that a part's process has ended; raises nothing."""

Probe = Callable[[], Awaitable[bool]]
"""Whether a server answers as it should; raises nothing for one that does not."""


class PartState(StrEnum):
    """State of a part."""

    STARTING = "starting"
    """Its process runs and is not ready yet."""
    READY = "ready"
    """It does its work."""
    SILENT = "silent"
    """Its process is there and does not answer, or no heartbeat of it is fresh."""
    RESTARTING = "restarting"
    """Its process ended; another is started in a moment."""
    FAILED = "failed"
    """It cannot run as it is configured, and is not tried again."""
    STOPPING = "stopping"
    """It was told to finish what it has and to end."""
    STOPPED = "stopped"
    """It was told to end, and has."""


@dataclass(frozen=True, slots=True)
class Part:
    """A process that the supervisor keeps alive.

    Attributes:
        name: Unique in the stack; names the log file.
        roles: What it does; each is a row of `docfleet ps`.
        argv: Its command line.
        environment: Its whole environment.
        place: Where it listens or what it serves, for people.
        stop_seconds: How long after SIGTERM it may take to end.
        probe: Asked until it says yes; None for a part that announces itself (settings.ready).
        folder: Its working directory, ours if None.
        note: What nobody may overlook about it.
        mourn: Called when its process has ended, however that came.
        early: Whether it starts with the first layer, since it takes long to load and waits for
            the servers by itself.
    """

    name: str
    roles: tuple[str, ...]
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    place: str
    stop_seconds: float
    probe: Probe | None = None
    folder: Path | None = None
    note: str = ""
    mourn: Mourn | None = None
    early: bool = False
