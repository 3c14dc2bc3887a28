"""The scripts in containers: how parts and servers are run, and how one is asked if it is well."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

INFRA = Path(__file__).parents[3] / "infra"
DOCKER = INFRA / "docker"


def run_part(tmp_path: Path, program: str, **variables: str) -> subprocess.Popen[str]:
    """Run a shell program in docfleet's place."""
    docfleet = tmp_path / "docfleet"
    docfleet.write_text(f"#!/bin/sh\n{program}\n")
    docfleet.chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    return subprocess.Popen(
        ["/bin/sh", str(DOCKER / "run-part"), "worker", "infer"],
        env={"PATH": f"{tmp_path}:{os.defpath}", "PYTHONPATH": str(INFRA.parent), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("status", "ends_with"), [(0, 0), (1, 1), (69, 69), (70, 70), (2, 0), (78, 0)]
)
def test_only_a_part_that_is_configured_wrongly_ends_as_if_it_were_done(
    tmp_path: Path, status: int, ends_with: int
) -> None:
    """Docker restarts on any other failure, and a dead engine's 70 is one."""
    part = run_part(tmp_path, f"exit {status}")
    _, complaint = part.communicate(timeout=30)
    assert part.returncode == ends_with
    assert ("stays down" in complaint) == (status in {2, 78})


def test_a_part_gets_its_arguments(tmp_path: Path) -> None:
    """The arguments are those of the compose file."""
    part = run_part(tmp_path, 'echo "$#: $*"')
    assert part.communicate(timeout=30)[0] == "2: worker infer\n"


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"HOSTNAME": "3f2a"}, "3f2a"),
        ({"HOSTNAME": "3f2a", "DOCFLEET_WORKER_NAME": "infer-1"}, "infer-1"),
        ({}, "none"),
    ],
)
def test_a_worker_is_named_after_its_container_unless_it_has_a_name(
    tmp_path: Path, variables: dict[str, str], name: str
) -> None:
    """A container that is started again has its hostname again."""
    part = run_part(tmp_path, 'echo "${DOCFLEET_WORKER_NAME-none}"', **variables)
    assert part.communicate(timeout=30)[0] == f"{name}\n"


def test_a_signal_reaches_the_part_and_its_own_status_counts(tmp_path: Path) -> None:
    """SIGTERM asks it to drain; the container ends when it has, and not before."""
    part = run_part(
        tmp_path,
        "trap 'sleep 0.3; echo drained; exit 5' TERM; echo up; while :; do sleep 0.05; done",
    )
    assert part.stdout is not None
    assert part.stdout.readline() == "up\n"
    part.send_signal(signal.SIGTERM)
    out, _ = part.communicate(timeout=30)
    assert (out, part.returncode) == ("drained\n", 5)


def test_a_signal_that_comes_while_the_part_is_started_is_not_lost(tmp_path: Path) -> None:
    """The container would be killed a while later, and what it has begun with it."""
    part = run_part(tmp_path, "kill -TERM $PPID; exec sleep 30")
    part.communicate(timeout=20)
    assert part.returncode == 128 + signal.SIGTERM


HANGS = """
printf 'alive 60\\nready\\nalive 1\\n' >&"$DOCFLEET_READY_FD"
trap 'echo stacks' USR2
while :; do sleep 0.05; done
"""


def test_a_part_that_gives_no_more_signs_of_life_is_killed(tmp_path: Path) -> None:
    """The part may write its stacks first; 137 is a failure, so Docker restarts the container."""
    part = run_part(tmp_path, HANGS)
    out, complaint = part.communicate(timeout=60)
    assert (out, part.returncode) == ("stacks\n", 128 + signal.SIGKILL)
    assert "gave no sign of life" in complaint


@contextmanager
def answering(status: HTTPStatus) -> Iterator[str]:
    """A server that gives one answer; gives its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"the engine died")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/healthz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str) -> subprocess.CompletedProcess[str]:
    """Do the work of the health check."""
    return subprocess.run(
        [sys.executable, "-IS", str(DOCKER / "healthy.py"), url],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_part_that_answers_is_well() -> None:
    """200 is all that it takes."""
    with answering(HTTPStatus.OK) as url:
        assert ask(url).returncode == 0


def test_a_part_that_says_that_it_is_ill_is_ill() -> None:
    """The reason is on standard output, where `docker inspect` shows it."""
    with answering(HTTPStatus.SERVICE_UNAVAILABLE) as url:
        done = ask(url)
    assert (done.returncode, "503 the engine died" in done.stdout) == (1, True)


def test_a_part_that_does_not_answer_is_ill() -> None:
    """Nobody listens there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        done = ask(f"http://127.0.0.1:{listener.getsockname()[1]}/healthz")
    assert (done.returncode, "refused" in done.stdout) == (1, True)


def start_s3(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Start the object store with a program in its place; gives the arguments and the variables."""
    weed = tmp_path / "weed"
    weed.write_text('#!/bin/sh\nfor word; do echo "$word"; done > argv\nenv > variables\n')
    weed.chmod(0o755)
    (tmp_path / "s3_credentials").write_text("aws_access_key_id = A\naws_secret_access_key = S\n")
    (tmp_path / "events_token").write_text("token\n")
    folders = {"SECRETS": str(tmp_path), "DATA": "/data", "TMPDIR": str(tmp_path)}
    subprocess.run(
        ["/bin/sh", str(INFRA / "compose" / "start-s3")],
        env={"PATH": f"{tmp_path}:{os.defpath}", "INCOMING_BUCKET": "incoming", **folders},
        check=True,
    )
    lines = (tmp_path / "variables").read_text().splitlines()
    return (tmp_path / "argv").read_text().split(), dict(line.split("=", 1) for line in lines)


def test_of_the_object_stores_servers_only_s3_listens_for_other_containers(tmp_path: Path) -> None:
    """The filer moves any tenant's documents for anybody who reaches it."""
    arguments, _ = start_s3(tmp_path)
    assert arguments[0] == "server"
    assert {"-ip.bind=127.0.0.1", "-disableHttp", "-s3.ip.bind=0.0.0.0"} <= set(arguments)


def test_the_object_stores_servers_sign_for_each_other_with_keys_of_each_start(
    tmp_path: Path,
) -> None:
    """The volume server refuses an unsigned request."""
    starts = [start_s3(tmp_path)[1] for _ in range(2)]
    keys = [value for told in starts for name, value in told.items() if "_JWT_" in name]
    assert len(set(keys)) == 8
    assert {len(key) for key in keys} == {64}
    assert starts[0]["AWS_SECRET_ACCESS_KEY"] == "S"
