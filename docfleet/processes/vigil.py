"""The vigil at one process: how long it has given no sign of life. Standard library only."""

from __future__ import annotations

import math
from pathlib import Path

from settings.announcements import ALIVE_PREFIX

TICK_SECONDS = 1.0


class Vigil:
    """Counts the silence of a process.

    A process that never gave a sign of life is not waited for. Silence is counted in seconds that
    the keeper saw pass: one that was stopped itself, or a machine that slept, blames nobody.
    """

    def __init__(self) -> None:
        self._allowed = math.inf
        self._silent = 0.0

    def hear(self, line: bytes) -> None:
        """Heed a line of the process, where it is a sign of life."""
        if not line.startswith(ALIVE_PREFIX):
            return
        try:
            self._allowed = float(line.removeprefix(ALIVE_PREFIX))
        except ValueError:
            return
        self._silent = 0.0

    def tick(self, seconds: float, *, is_stopped: bool) -> None:
        """Let some silence pass.

        Args:
            seconds: How much.
            is_stopped: Whether a signal has stopped the process, so that it can give no sign.
        """
        self._silent = 0.0 if is_stopped else self._silent + seconds

    @property
    def problem(self) -> str | None:
        """Return the problem of the process; None while it may go on."""
        if self._silent < self._allowed:
            return None
        return f"gave no sign of life for {self._silent:g} s"


def is_stopped(pid: int) -> bool:
    """Tell whether a signal or a debugger has stopped a process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in {"T", "t"}
