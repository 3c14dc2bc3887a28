"""`[sandbox]`: what has to stand around the process that reads a document."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from settings.sections.section import Section


class SandboxLayer(StrEnum):
    """A restriction that a kernel or a container may not grant."""

    SECCOMP = "seccomp"
    """Refuses all system calls but those that computing takes: no file, socket, program, signal."""
    LANDLOCK = "landlock"
    """Refuses access to files and TCP ports; from version 6 on, signals to other processes too."""
    NETWORK = "network"
    """Puts readers into a network with nothing in it."""
    PROCESSES = "processes"
    """Hides all other processes from a reader."""
    USER = "user"
    """Gives each reader a user that owns nothing; takes a worker that runs as root."""
    ROOT = "root"
    """Makes a directory with nothing in it the root of a reader's file system."""
    THREADS = "threads"
    """Bounds the threads of a reader that may start some."""


class SandboxSettings(Section):
    """Which layers a prepare worker does not start without."""

    require: frozenset[SandboxLayer] = Field(default=frozenset({SandboxLayer.SECCOMP}))
