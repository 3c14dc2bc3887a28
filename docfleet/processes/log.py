"""The log file of a part: kept over restarts, cut when it is long."""

from __future__ import annotations

import os
from pathlib import Path

_LONG_BYTES = 16 * 2**20
_END_BYTES = 4096
_END_LINES = 6


class PartLog:
    """One file, and the one before it (`.1`).

    Args:
        path: The file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin = 0

    def rotate(self) -> None:
        """Call before a process starts: a long file makes room for a new one."""
        self.path.touch(mode=0o600)
        size = self.path.stat().st_size
        if size > _LONG_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self.path.touch(mode=0o600)
            size = 0
        self._begin = size

    def end(self) -> str:
        """The last lines that the latest process wrote."""
        with self.path.open("rb") as file:
            last = file.seek(0, os.SEEK_END)
            file.seek(max(self._begin, last - _END_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_END_LINES:])
