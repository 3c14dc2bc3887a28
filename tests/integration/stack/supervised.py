"""Runs a supervisor in a process of its own, with parts that a test describes.

As a script: `supervised.py STATE_DIR servers|none`, with the other parts as JSON on standard
input: a list of layers, each a list of `{name, roles, argv, stop_seconds}`. With `servers`, the
stack's own Valkey and SeaweedFS are the first layer.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docfleet.errors import CommandError
from docfleet.processes.part import Part
from docfleet.stack.announcer import Announcer
from docfleet.stack.layout import local_stack
from docfleet.stack.options import StackOptions
from docfleet.stack.state_dir import StateDir
from docfleet.stack.supervisor import Supervisor
from settings.environment import part_environment, server_environment
from settings.fleet import load_settings
from tests.fixtures.waiting import until_seen

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60

ANNOUNCES = "from settings.ready import announce_ready as a; import signal; a(); signal.pause()"
"""A part that is ready at once and ends at SIGTERM."""

ODD = {"DOCFLEET_CALLBACK_URL": "https://claims.example/in?of=docfleet&to='$HOME'"}
"""How to reach a stack without servers: a value that means much to a shell."""


def part(name: str, program: str = ANNOUNCES, *, stop_seconds: float = 20) -> dict[str, Any]:
    """A part that runs a Python program; its role is its name."""
    argv = [sys.executable, "-c", program]
    return {"name": name, "roles": [name], "argv": argv, "stop_seconds": stop_seconds}


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


@dataclass
class Supervised:
    """A supervisor under test."""

    state_dir: Path
    process: subprocess.Popen[str]
    output: Path

    def docfleet(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command on the state directory."""
        return docfleet(*arguments, "--state-dir", str(self.state_dir))

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of `docfleet ps`."""
        answer = self.docfleet("ps", "--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else []

    def row(self, role: str) -> dict[str, Any]:
        """One role's row, empty where there is none."""
        return next((row for row in self.rows() if row["role"] == role), {})

    def reaches(self, role: str, state: str, restarts: int = 0) -> dict[str, Any]:
        """Wait until the role is in a state after a number of restarts; return its row."""

        def look() -> dict[str, Any]:
            row = self.row(role)
            fits = row and row["state"] == state and row["restarts"] >= restarts
            return row if fits else {}

        return until_seen(look, f"{role} to be {state} after {restarts} restarts")

    def environment(self) -> dict[str, str]:
        """Return the variables of `docfleet env`."""
        answer: dict[str, str] = json.loads(self.docfleet("env", "--json").stdout)
        return answer

    def is_ready(self) -> bool:
        """Return whether the stack said that it is ready."""
        return "docfleet is ready" in self.output.read_text()

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)

    def family(self) -> set[int]:
        """Pids of all living processes that carry the mark of this state directory."""
        mark = f"DOCFLEET_FAMILY={StateDir(self.state_dir).family}.".encode()
        found = set()
        for entry in Path("/proc").iterdir():
            try:
                marked = entry.name.isdigit() and mark in (entry / "environ").read_bytes()
            except OSError:
                continue
            if marked and is_alive(int(entry.name)):
                found.add(int(entry.name))
        return found


def docfleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command, with no stack in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "docfleet", *arguments],
        cwd=ROOT,
        env=server_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def supervised(
    state_dir: Path, *layers: Sequence[dict[str, Any]], servers: bool = False, wait: bool = True
) -> Iterator[Supervised]:
    """A supervisor with these parts; it and they are gone at the end."""
    output = state_dir.with_name(state_dir.name + ".out")
    with output.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, __file__, str(state_dir), "servers" if servers else "none"],
            cwd=ROOT,
            env=part_environment({"PYTHONPATH": str(ROOT)}),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    stack = Supervised(state_dir, process, output)
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(layers))
        process.stdin.close()
        if wait:
            until_seen(lambda: stack.is_ready() or process.poll() is not None, "the stack")
            assert stack.is_ready(), output.read_text()
        yield stack
    finally:
        process.terminate()  # in peace where that works, so that servers tidy up behind them
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        until_seen(lambda: not stack.family(), "the guard to end what was left")


def _main() -> None:
    state_dir, servers = sys.argv[1:]
    state = StateDir(Path(state_dir))
    config = ROOT / "fleet.toml"
    environment = ODD
    try:
        with state.held():
            layers: list[list[Part]] = []
            if servers == "servers":
                stack = local_stack(load_settings(config), state, StackOptions(config=config))
                layers, environment = [list(stack.layers[0])], stack.environment
            layers += [[_part(**each) for each in layer] for layer in json.load(sys.stdin)]
            asyncio.run(Supervisor(layers, environment, state, Announcer()).run())
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def _part(*, roles: list[str], argv: list[str], **rest: Any) -> Part:
    return Part(
        roles=tuple(roles), argv=tuple(argv), environment=part_environment({}), place="", **rest
    )


if __name__ == "__main__":
    _main()
