"""`[sandbox]`: restrictions of the process that reads a document."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from settings.sections.section import Section


class SandboxLayer(StrEnum):
    """A restriction that a kernel or a container may not grant."""

    SECCOMP = "seccomp"
    """Refuses all system calls that computing does not need: files, sockets, programs, signals."""
    LANDLOCK = "landlock"
    """Refuses access to files and TCP ports; from version 6 on, signals to other processes too."""
    NETWORK = "network"
    """Puts readers into an empty network."""
    PROCESSES = "processes"
    """Hides all other processes from a reader."""
    USER = "user"
    """Gives each reader a user that owns nothing; the worker must run as root."""
    ROOT = "root"
    """Makes an empty directory the root of a reader's file system."""
    THREADS = "threads"
    """Bounds the threads of a reader that may start any."""


class SandboxSettings(Section):
    """Layers without which a prepare worker does not start."""

    require: frozenset[SandboxLayer] = Field(default=frozenset({SandboxLayer.SECCOMP}))
