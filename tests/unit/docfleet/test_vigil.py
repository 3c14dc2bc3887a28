"""The vigil at a process: which silence is too long, and which is none of its own doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from docfleet.processes.vigil import Vigil, is_stopped


def silent(vigil: Vigil, seconds: int, *, stopped: bool = False) -> str | None:
    """Let seconds of silence pass."""
    for _ in range(seconds):
        vigil.tick(1, is_stopped=stopped)
    return vigil.problem


def test_a_process_that_never_gave_a_sign_is_not_waited_for() -> None:
    """The API, the servers, and a worker that imports its libraries."""
    vigil = Vigil()
    vigil.hear(b"step importing vLLM")
    assert silent(vigil, 100_000) is None


def test_silence_that_is_longer_than_the_process_said_is_a_problem() -> None:
    """Each sign says how long the next may take: while it loads weights, much longer."""
    vigil = Vigil()
    vigil.hear(b"alive 3600")
    assert silent(vigil, 3599) is None
    vigil.hear(b"alive 60")
    assert silent(vigil, 59) is None
    vigil.hear(b"alive 60")
    assert silent(vigil, 59) is None
    assert silent(vigil, 1) == "gave no sign of life for 60 s"


def test_a_process_that_a_signal_has_stopped_is_waited_for() -> None:
    """The process may be continued later; from then on it has its whole time."""
    vigil = Vigil()
    vigil.hear(b"alive 10")
    assert silent(vigil, 9) is None
    assert silent(vigil, 1000, stopped=True) is None
    assert silent(vigil, 9) is None
    assert silent(vigil, 1) is not None


@pytest.mark.parametrize("line", [b"alive", b"alive soon", b"alive \xff"])
def test_a_line_that_is_no_sign_is_none(line: bytes) -> None:
    """A process may write what it likes."""
    vigil = Vigil()
    vigil.hear(b"alive 10")
    vigil.tick(9, is_stopped=False)
    vigil.hear(line)
    assert silent(vigil, 1) is not None


def test_a_stopped_process_is_told_from_one_that_sleeps() -> None:
    """And one that is gone is not stopped."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert is_stopped(process.pid)
    finally:
        process.kill()
        process.communicate()
    assert not is_stopped(process.pid)
