"""Becomes a program that dies with its supervisor.

Setting this between fork and exec instead would run Python code in a forked copy of a threaded
process. Standard library only: it is started without site packages.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by the program.

    Args:
        arguments: The supervisor's pid, then the program and its arguments.
    """
    supervisor, program = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != supervisor:  # it died before the line above
        sys.exit("the supervisor is gone")
    try:
        os.execvp(program[0], program)  # noqa: S606  # to start a program is what this is for
    except OSError as error:
        sys.stderr.write(f"{program[0]} cannot be started: {error.strerror}\n")
        sys.exit(os.EX_CONFIG)
