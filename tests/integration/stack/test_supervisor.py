"""The supervisor with small Python programs as parts: restarts, orphans, and the way down."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from docfleet.errors import StackRunningError
from docfleet.stack.state_dir import StateDir
from tests.fixtures.waiting import until_seen
from tests.integration.stack.supervised import (
    ANNOUNCES,
    ODD,
    docfleet,
    is_alive,
    part,
    supervised,
)

STUBBORN = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; signal.pause()"

WITH_CHILDREN = f"""
import signal, subprocess, sys
from settings.ready import announce_ready
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
start = lambda **how: subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], **how)
# One in the part's session, which hides its environment; one in a session of its own.
children = [start(env={{}}), start(start_new_session=True)]
print(*(child.pid for child in children), flush=True)
announce_ready()
signal.pause()
"""


def children_of(state_dir: Path, starts: int) -> list[int]:
    """Return the pids that WITH_CHILDREN wrote to its log, for a number of starts."""
    log = state_dir / "logs" / "family.log"
    until_seen(lambda: len(log.read_text().split()) == 2 * starts, "the children's pids")
    return [int(pid) for pid in log.read_text().split()]


def test_part_that_is_killed_starts_again_and_its_children_are_gone(tmp_path: Path) -> None:
    """A kill -9 of a part ends its whole family before the part is started again."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [part("family", WITH_CHILDREN)]) as stack:
        first = stack.row("family")
        orphans = children_of(state_dir, 1)
        assert all(map(is_alive, orphans))
        os.kill(first["pid"], signal.SIGKILL)
        second = stack.reaches("family", "ready", restarts=1)
        assert second["pid"] != first["pid"]
        assert not any(map(is_alive, orphans))
        assert all(map(is_alive, children_of(state_dir, 2)[2:]))
        assert "killed by SIGKILL" in stack.output.read_text()


def test_ctrl_c_ends_every_process_of_the_stack(tmp_path: Path) -> None:
    """After Ctrl-C nothing is left, not even children that ignore SIGTERM."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [part("family", WITH_CHILDREN)], [part("last")]) as stack:
        pids = [row["pid"] for row in stack.rows()] + children_of(state_dir, 1)
        assert stack.interrupt() == 0
        assert not any(map(is_alive, pids))
        assert not stack.family()
        assert stack.docfleet("ps").returncode == 3


def test_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    """A kill -9 of the supervisor ends the parts and their children too."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [part("family", WITH_CHILDREN)]) as stack:
        pids = [stack.row("family")["pid"], *children_of(state_dir, 1)]
        stack.process.kill()
        until_seen(lambda: not any(map(is_alive, pids)), "the family to end")


def test_next_stack_ends_what_an_earlier_one_left(tmp_path: Path) -> None:
    """A process that survived supervisor and guard is ended before anything is started."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [part("family", WITH_CHILDREN)]) as stack:
        nameless, hidden = children_of(state_dir, 1)
        leader = stack.row("family")["pid"]
        for pid in guards_of(stack.process.pid):
            os.kill(pid, signal.SIGKILL)
        stack.process.kill()
        stack.process.wait()
        until_seen(lambda: not is_alive(leader), "the part itself to end with its supervisor")
        assert is_alive(hidden)
        with supervised(state_dir, [part("other")]):
            assert not is_alive(hidden)
        os.kill(nameless, signal.SIGKILL)  # only the guards knew its session


def guards_of(supervisor: int) -> list[int]:
    """Pids of the supervisor's guards."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if b"docfleet.processes.guard" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_record_of_a_killed_stack_is_recognised_as_stale(tmp_path: Path) -> None:
    """`ps` and `env` do not believe a record whose supervisor is gone."""
    with supervised(tmp_path / "state", [part("only")]) as stack:
        assert stack.docfleet("ps").returncode == 0
        stack.process.kill()
        stack.process.wait()
        assert (stack.state_dir / "stack.json").exists()
        for command in ("ps", "env"):
            answer = stack.docfleet(command)
            assert answer.returncode == 3
            assert answer.stdout == ""
            assert "start it with `docfleet up`" in answer.stderr
            assert answer.stderr.count("\n") == 1


def test_env_survives_the_eval_of_a_shell(tmp_path: Path) -> None:
    """In the README's way, a value with `&` and quotes reaches a program unchanged."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    tell = shlex.join([sys.executable, "-c", program])
    with supervised(tmp_path / "state", [part("only")]) as stack:
        printed = stack.docfleet("env").stdout
    told = subprocess.run(
        ["/bin/sh", "-euc", f'set -a; eval "$1"; set +a; {tell}', "sh", printed],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ODD.items() <= json.loads(told.stdout).items()


def test_part_that_is_configured_wrongly_ends_the_start(tmp_path: Path) -> None:
    """Exit status EX_CONFIG before the stack is ready: the reason is told, all is stopped."""
    wrong = "import sys; print('the model is not there', file=sys.stderr); sys.exit(78)"
    with supervised(tmp_path / "state", [part("good")], [part("bad", wrong)], wait=False) as stack:
        assert stack.process.wait(60) == 1
        told = stack.output.read_text()
        assert "bad cannot run as it is configured" in told
        assert "the model is not there" in told
        assert "restarting" not in told
        assert not stack.family()


def test_part_that_was_ready_before_is_tried_again_whatever_its_status(tmp_path: Path) -> None:
    """Exit status EX_CONFIG later on: what it lacks may come back, and the others work."""
    turn = tmp_path / "turn"
    fickle = f"import pathlib, sys; pathlib.Path({str(turn)!r}).exists() and sys.exit(78); "
    with supervised(tmp_path / "state", [part("good"), part("bad", fickle + ANNOUNCES)]) as stack:
        turn.touch()
        os.kill(stack.row("bad")["pid"], signal.SIGKILL)
        stack.reaches("bad", "restarting", restarts=2)
        assert stack.row("good")["state"] == "ready"
        turn.unlink()
        stack.reaches("bad", "ready", restarts=2)
        assert stack.interrupt() == 0


def test_part_that_never_becomes_ready_ends_the_start(tmp_path: Path) -> None:
    """Five processes that ended before they were ready are enough, each wait twice the last."""
    crashes = "raise SystemExit('no')"
    with supervised(tmp_path / "state", [part("bad", crashes)], wait=False) as stack:
        assert stack.process.wait(60) == 1
        told = stack.output.read_text()
        assert [f"in {wait} s" in told for wait in (1, 2, 4, 8, 16)] == [True] * 4 + [False]
        assert "bad does not start: it ended with exit status 1" in told


def test_program_that_is_missing_is_a_wrong_configuration(tmp_path: Path) -> None:
    """A part whose program is not there is not tried again and again."""
    gone = {**part("gone"), "argv": ["/nowhere/program"]}
    with supervised(tmp_path / "state", [gone], wait=False) as stack:
        assert stack.process.wait(60) == 1
        assert "/nowhere/program cannot be started" in stack.output.read_text()


def test_layers_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    """Workers end before the servers that they need."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [part("redis")], [part("api")], [part("infer")]) as stack:
        assert stack.interrupt() == 0
        lines = [line.split()[:2] for line in stack.output.read_text().splitlines()]
    steps = [line for line in lines if line[1] in {"ready", "stopped"}]
    up = [["redis", "ready"], ["api", "ready"], ["infer", "ready"]]
    down = [["infer", "stopped"], ["api", "stopped"], ["redis", "stopped"]]
    assert steps == up + down


def test_draining_part_finishes_before_it_is_killed(tmp_path: Path) -> None:
    """A part that ends by itself after SIGTERM, within its time, is not killed."""
    done = tmp_path / "done"
    drains = f"""
import pathlib, signal, sys, time
from settings.ready import announce_ready
def drain(*_):
    time.sleep(0.5)
    pathlib.Path({str(done)!r}).touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
announce_ready()
signal.pause()
"""
    with supervised(tmp_path / "state", [part("infer", drains)]) as stack:
        assert stack.interrupt() == 0
        assert done.exists()


IGNORES_SIGTERM = (
    "import signal; from settings.ready import announce_ready as a;"
    " signal.signal(15, signal.SIG_IGN); a(); [signal.pause() for _ in iter(int, 1)]"
)


def test_part_that_does_not_end_in_its_time_is_killed(tmp_path: Path) -> None:
    """After stop_seconds there is an end."""
    parts = [part("infer", IGNORES_SIGTERM, stop_seconds=0.5)]
    with supervised(tmp_path / "state", parts) as stack:
        pid = stack.row("infer")["pid"]
        assert stack.interrupt() == 0
        assert not is_alive(pid)


def test_second_ctrl_c_does_not_wait_for_the_drain(tmp_path: Path) -> None:
    """A part that would drain for an hour is killed at the second Ctrl-C."""
    parts = [part("infer", IGNORES_SIGTERM, stop_seconds=3600)]
    with supervised(tmp_path / "state", parts) as stack:
        stack.process.send_signal(signal.SIGINT)
        stack.reaches("infer", "stopping")
        assert stack.interrupt() == 0
        assert not stack.family()


def test_state_directory_serves_one_stack_at_a_time(tmp_path: Path) -> None:
    """A second stack says so and exits with 2; the first goes on."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, [part("only")]) as stack:
        pid = stack.row("only")["pid"]
        second = docfleet("up", "--state-dir", str(state_dir))
        assert second.returncode == 2
        assert "runs in" in second.stderr
        assert second.stderr.count("\n") == 1
        with pytest.raises(StackRunningError), StateDir(state_dir).held():
            pass
        assert stack.row("only") == {"role": "only", "pid": pid, "state": "ready", "restarts": 0}


def test_part_with_two_roles_is_listed_twice_with_one_pid(tmp_path: Path) -> None:
    """One worker for prepare and deliver is two rows."""
    worker = {**part("prepare-deliver"), "roles": ["prepare", "deliver"]}
    with supervised(tmp_path / "state", [worker]) as stack:
        prepare, deliver = stack.rows()
        assert (prepare["role"], deliver["role"]) == ("prepare", "deliver")
        assert prepare["pid"] == deliver["pid"]
        lines = stack.docfleet("ps").stdout.splitlines()
        assert lines[0].split() == ["ROLE", "PID", "STATE", "RESTARTS"]
        assert lines[2].split() == ["deliver", str(deliver["pid"]), "ready", "0"]


def test_part_that_gives_no_more_signs_of_life_is_killed_and_starts_again(tmp_path: Path) -> None:
    """The words say why; what it ignores does not help it."""
    turn = tmp_path / "turn"
    hangs = f"""
import pathlib, signal
from settings.ready import announce_ready
from settings.signs_of_life import SignsOfLife
signs = SignsOfLife()
signs.give(3600)
announce_ready()
if not pathlib.Path({str(turn)!r}).exists():
    pathlib.Path({str(turn)!r}).touch()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signs.give(0.5)
while True:
    signal.pause()
"""
    with supervised(tmp_path / "state", [part("worker", hangs)]) as stack:
        stack.reaches("worker", "ready", restarts=1)
        assert "gave no sign of life for 1 s and was killed by SIGKILL" in stack.output.read_text()
        assert "Current thread" in (tmp_path / "state/logs/worker.log").read_text()
