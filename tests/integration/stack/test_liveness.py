"""Output of `docfleet ps` about parts whose processes exist and do nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from docfleet.processes.part import PartState
from docfleet.stack.liveness import looked_at
from docfleet.stack.record import PartRow, StackRecord
from docfleet.stack.state_dir import StateDir
from tests.integration.stack.supervised import supervised


def worker(state_dir: Path) -> dict[str, Any]:
    """A real worker of two roles, with a short lease."""
    argv = [
        "/usr/bin/env", "DOCFLEET_LEASE__SECONDS=2", sys.executable, "-m", "docfleet",
        "worker", "deliver", "batch", "--state-dir", str(state_dir),
    ]  # fmt: skip
    return {"name": "worker", "roles": ["deliver", "batch"], "argv": argv, "stop_seconds": 20}


def test_a_stopped_worker_is_silent_within_a_lease_and_so_is_a_stopped_redis(
    tmp_path: Path,
) -> None:
    """Its process is there; its heartbeats are not, and they are again when it goes on."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [worker(state_dir)], servers=True) as stack:
        pid = stack.reaches("deliver", "ready")["pid"]
        os.kill(pid, signal.SIGSTOP)
        for role in ("deliver", "batch"):
            row = stack.reaches(role, "silent")
            assert (row["pid"], "no heartbeat" in row["note"]) == (pid, True)
        assert stack.row("redis")["state"] == "ready"
        os.kill(pid, signal.SIGCONT)
        stack.reaches("deliver", "ready")
        redis = stack.row("redis")["pid"]
        os.kill(redis, signal.SIGSTOP)
        try:
            assert "Redis does not answer" in stack.reaches("redis", "silent")["note"]
        finally:
            os.kill(redis, signal.SIGCONT)
        stack.reaches("redis", "ready")


HANGS = """
import sys, time
from pathlib import Path
from docfleet.cli import main
from workers.runtime.heartbeat import Heartbeat
beat = Heartbeat.beat
async def beat_or_hang(self):
    turn = Path(sys.argv[-1]) / "turn"
    if turn.exists():
        turn.unlink()
        time.sleep(3600)
    await beat(self)
Heartbeat.beat = beat_or_hang
main()
"""


def test_a_worker_whose_event_loop_stands_still_is_killed_and_works_again(tmp_path: Path) -> None:
    """Its log says where it stood still; a Redis that hangs for longer costs it nothing."""
    state_dir = tmp_path / "state"
    hangs = worker(state_dir)
    seconds = "DOCFLEET_LEASE__HANG_SECONDS=4"
    at = hangs["argv"].index("-m")
    hangs["argv"][at : at + 2] = ["-c", HANGS]
    hangs["argv"].insert(1, seconds)
    with supervised(state_dir, [hangs], servers=True) as stack:
        first = stack.reaches("deliver", "ready")["pid"]
        redis = stack.row("redis")["pid"]
        os.kill(redis, signal.SIGSTOP)
        try:
            stack.reaches("redis", "silent")
            time.sleep(6)  # longer than its own silence may last
        finally:
            os.kill(redis, signal.SIGCONT)
        assert stack.reaches("deliver", "ready")["pid"] == first
        (state_dir / "turn").touch()
        second = stack.reaches("deliver", "ready", restarts=1)
        assert second["pid"] != first
        assert "gave no sign of life" in stack.output.read_text()
        assert "beat_or_hang" in (state_dir / "logs" / "worker.log").read_text()


def test_a_server_that_does_not_answer_is_silent(tmp_path: Path, unused_tcp_port: int) -> None:
    """The API and the watcher are asked where they serve; a part that restarts is left as it is."""
    state = StateDir(tmp_path / "state")
    with state.held():
        state.record_metrics({"api": f"127.0.0.1:{unused_tcp_port}"})
        rows = [
            PartRow(role="api", pid=1, state=PartState.READY, restarts=0, note="noted"),
            PartRow(role="api", pid=1, state=PartState.RESTARTING, restarts=0),
            PartRow(role="watch", pid=1, state=PartState.READY, restarts=0),
            PartRow(role="deliver", pid=1, state=PartState.READY, restarts=0),
        ]
        state.record_stack(StackRecord(environment={}, parts=rows))
        seen = looked_at(state)
    assert seen[1:] == rows[1:]
    assert seen[0].state is PartState.SILENT
    assert seen[0].note.startswith("it does not answer: ")
    assert seen[0].note.endswith("; noted")
