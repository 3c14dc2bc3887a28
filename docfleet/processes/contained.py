"""The keeper of a part in a container: passes SIGTERM on, and kills a part that hangs.

Docker's restart policy `on-failure` starts the container again, whatever failed. A part that is
configured wrongly would only say so again: its container ends as one that is done, and its last
line stays in sight. Standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from os import environ  # noqa: TID251  # handed on as a whole
from types import FrameType

from docfleet.processes.vigil import TICK_SECONDS, Vigil, is_stopped
from settings.announcements import READY_VARIABLE, STACKS_SECONDS, STACKS_SIGNAL

_PIPE_BYTES = 4096
_CONFIGURED_WRONGLY = (2, os.EX_CONFIG)


class _Orders:
    """SIGTERM and SIGINT to this process, on their way to the part as SIGTERM."""

    def __init__(self) -> None:
        self._part: subprocess.Popen[bytes] | None = None
        self._came_early = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)

    def _pass_on(self, _number: int, _frame: FrameType | None) -> None:
        if self._part is None:
            self._came_early = True
        else:
            self._part.send_signal(signal.SIGTERM)

    def reach(self, part: subprocess.Popen[bytes]) -> None:
        """Pass them on to a part from now on, with one that came while it was started."""
        self._part = part
        if self._came_early:
            part.send_signal(signal.SIGTERM)


def main(argv: list[str]) -> int:
    """Run a part until it ends; gives the exit status for Docker.

    Args:
        argv: Its command line.
    """
    orders = _Orders()
    pipe, of_part = os.pipe()
    variables = {**environ, READY_VARIABLE: str(of_part)}
    part = subprocess.Popen(argv, env=variables, pass_fds=(of_part,))  # noqa: S603  # run-part's
    os.close(of_part)
    orders.reach(part)
    _keep_vigil(part, pipe)
    status = part.wait()
    if status in _CONFIGURED_WRONGLY:
        _say("configured wrongly (see above) and stays down: mend it, then docker compose up -d")
        return 0
    return status if status >= 0 else 128 - status


def _keep_vigil(part: subprocess.Popen[bytes], pipe: int) -> None:
    """Return when the part has ended, or was killed because it hangs."""
    vigil, end, rest = Vigil(), os.pidfd_open(part.pid), b""
    watched = [end, pipe]
    while end not in (readable := select.select(watched, (), (), TICK_SECONDS)[0]):
        if readable:
            heard = os.read(pipe, _PIPE_BYTES)
            *lines, rest = (rest + heard).split(b"\n")
            for line in lines:
                vigil.hear(line)
            if not heard:
                watched.remove(pipe)
            continue
        vigil.tick(TICK_SECONDS, is_stopped=is_stopped(part.pid))
        if vigil.problem is not None:
            _say(f"killed, for it {vigil.problem}")
            part.send_signal(STACKS_SIGNAL)
            time.sleep(STACKS_SECONDS)
            part.kill()
            return


def _say(words: str) -> None:
    sys.stderr.write(f"docfleet: this part is {words}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
