"""The servers of the local stack, real ones: what they keep, whom they let in, what they tell."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from redis import AuthenticationError, Redis

from docfleet.stack.state_dir import StateDir
from settings.environment import CONNECTION_VARIABLES
from tests.fixtures.waiting import until_seen
from tests.integration.stack.supervised import Supervised, docfleet, part, supervised

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """A stack with Valkey and SeaweedFS that the tests of this module share."""
    with supervised(tmp_path_factory.mktemp("shared") / "state", servers=True) as running:
        yield running


@contextmanager
def redis_of(stack: Supervised) -> Iterator[Redis]:
    """A client of the stack's Valkey."""
    with Redis.from_url(stack.environment()["DOCFLEET_REDIS_URL"], decode_responses=True) as redis:
        yield redis


@contextmanager
def s3_of(stack: Supervised) -> Iterator[S3Client]:
    """A client of the stack's S3."""
    environment = stack.environment()
    client = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    ).client("s3", endpoint_url=environment["AWS_ENDPOINT_URL_S3"])
    try:
        yield client
    finally:
        client.close()


def body_of(client: S3Client, bucket: str, key: str) -> bytes:
    """An object's bytes."""
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_env_prints_all_that_it_takes_to_reach_the_stack(stack: Supervised) -> None:
    """One NAME=value a line, and the same as JSON."""
    lines = stack.docfleet("env").stdout.splitlines()
    pairs = dict(line.split("=", 1) for line in lines)
    assert set(CONNECTION_VARIABLES) - set(pairs) == {"DOCFLEET_CALLBACK_URL"}
    assert pairs == stack.environment()
    assert all(pairs.values())
    with redis_of(stack) as redis, s3_of(stack) as s3:
        assert redis.ping()
        assert s3.head_bucket(Bucket=pairs["DOCFLEET_INCOMING_BUCKET"])


def test_ps_lists_the_servers(stack: Supervised) -> None:
    """Role, pid, state and restarts, nothing else."""
    for role in ("redis", "s3"):
        row = stack.row(role)
        os.kill(row.pop("pid"), 0)
        assert row.pop("restarts") >= 0  # other tests kill it
        assert row == {"role": role, "state": "ready"}


def test_ready_lines_name_the_address(stack: Supervised) -> None:
    """A line for each part, then the stack."""
    lines = stack.output.read_text().splitlines()
    ports = json.loads((stack.state_dir / "ports.json").read_text())
    expected = [["redis", "ready", f"127.0.0.1:{ports['redis']}"]]
    expected += [["s3", "ready", f"127.0.0.1:{ports['s3']}"]]
    assert sorted(line.split() for line in lines[:2]) == expected
    assert lines[2] == "docfleet is ready"


def test_valkey_appends_to_disk_and_never_evicts(stack: Supervised) -> None:
    """The configuration that the ledger's promises rest on."""
    with redis_of(stack) as redis:
        wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        found: dict[str, str] = redis.config_get(*wanted, "maxmemory")  # type: ignore[assignment]  # redis-py types the asynchronous answer too
        assert int(found.pop("maxmemory")) >= 256 * 2**20
        assert found == wanted


def test_valkey_lets_nobody_in_without_the_password(stack: Supervised) -> None:
    """Other users of the machine have no business in the ledger."""
    url = stack.environment()["DOCFLEET_REDIS_URL"]
    with (
        Redis.from_url("redis://" + url.partition("@")[2]) as redis,
        pytest.raises(AuthenticationError),
    ):
        redis.ping()


def test_s3_has_the_buckets(stack: Supervised) -> None:
    """Made before the stack is ready."""
    with s3_of(stack) as s3:
        names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert names == {"incoming", "results", "work"}


@pytest.mark.parametrize("role", ["redis", "s3"])
def test_servers_listen_on_loopback_only(stack: Supervised, role: str) -> None:
    """Nothing is reachable from another machine."""
    addresses = listening_addresses(stack.row(role)["pid"])
    assert addresses == {"127.0.0.1"}


def listening_addresses(pid: int) -> set[str]:
    """The addresses on which a process listens."""
    folder = Path(f"/proc/{pid}")
    sockets = {str(entry.readlink()) for entry in (folder / "fd").iterdir()}
    found = set()
    for version in ("tcp", "tcp6"):
        for line in (folder / "net" / version).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A" and f"socket:[{line.split()[9]}]" in sockets:
                packed = bytes.fromhex(local.partition(":")[0])
                found.add(
                    socket.inet_ntoa(packed[::-1]) if version == "tcp" else f"IPv6 {packed.hex()}"
                )
    return found


def test_files_with_secrets_are_private(stack: Supervised) -> None:
    """Nobody else on the machine reads a password."""
    secrets = [
        "secrets.json",
        "stack.json",
        "redis/valkey.conf",
        "s3/notification.toml",
        "logs/redis.log",
    ]
    for name in secrets:
        assert stat.S_IMODE((stack.state_dir / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(stack.state_dir.stat().st_mode) == 0o700


def test_secrets_are_not_on_command_lines(stack: Supervised) -> None:
    """Anybody on the machine can read those."""
    secrets = StateDir(stack.state_dir).secrets().model_dump().values()
    for row in stack.rows():
        command = Path(f"/proc/{row['pid']}/cmdline").read_text()
        assert not any(secret in command for secret in secrets)


def test_s3_tells_the_watcher_of_a_drop(stack: Supervised) -> None:
    """New objects of the incoming bucket are posted with the token; no others are."""
    with events_of(stack) as (events, tokens), s3_of(stack) as s3:
        s3.put_object(Bucket="results", Key="job.json", Body=b"{}")
        s3.put_object(Bucket="incoming", Key="tenant a/claim+1.pdf", Body=b"%PDF")
        until_seen(
            lambda: any(event["key"].endswith("/claim+1.pdf") for event in events), "the event"
        )
    assert all(event["key"].startswith("/buckets/incoming/") for event in events)
    assert set(tokens) == {f"Bearer {StateDir(stack.state_dir).secrets().events_token}"}


@contextmanager
def events_of(stack: Supervised) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
    """The events that arrive where the watcher would listen, and their authorization."""
    events: list[dict[str, Any]] = []
    tokens: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            tokens.append(self.headers["Authorization"])
            if self.path == "/events":
                events.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    port = json.loads((stack.state_dir / "ports.json").read_text())["watch"]
    with ThreadingHTTPServer(("127.0.0.1", port), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield events, tokens
        finally:
            server.shutdown()
            thread.join()


def test_killed_valkey_comes_back_with_its_data(stack: Supervised) -> None:
    """Data that was acknowledged before a kill -9 is there afterwards, at the same address."""
    with redis_of(stack) as redis:
        redis.set("kept", "yes")
        os.kill(stack.row("redis")["pid"], signal.SIGKILL)
        stack.reaches("redis", "ready", restarts=1)
        assert redis.get("kept") == "yes"


def test_killed_s3_comes_back_with_its_objects(stack: Supervised) -> None:
    """Objects that were stored before a kill -9 are there afterwards, at the same address."""
    with s3_of(stack) as s3:
        s3.put_object(Bucket="work", Key="kept", Body=b"yes")
        os.kill(stack.row("s3")["pid"], signal.SIGKILL)
        stack.reaches("s3", "ready", restarts=1)
        assert body_of(s3, "work", "kept") == b"yes"


def test_second_stack_runs_beside_the_first(stack: Supervised, tmp_path: Path) -> None:
    """Each state directory has ports, secrets and data of its own."""
    with supervised(tmp_path / "other", [part("api")], servers=True) as other:
        first, second = stack.environment(), other.environment()
        own = ("DOCFLEET_API_URL", "DOCFLEET_REDIS_URL", "AWS_ENDPOINT_URL_S3", "DOCFLEET_API_KEY")
        assert all(first[name] != second[name] for name in own)
        with s3_of(stack) as s3, s3_of(other) as s3_beside:
            s3.put_object(Bucket="work", Key="first", Body=b"1")
            assert "Contents" not in s3_beside.list_objects_v2(Bucket="work")
        assert other.interrupt() == 0


@pytest.mark.parametrize("ports", ["the same ports", "other ports"])
def test_stack_goes_on_where_it_was(tmp_path: Path, ports: str) -> None:
    """Data, secrets and addresses outlive the stack; where a port was taken, the data does."""
    state_dir = tmp_path / "state"
    with supervised(state_dir, servers=True) as stack:
        before = stack.environment()
        with redis_of(stack) as redis, s3_of(stack) as s3:
            redis.set("kept", "yes")
            s3.put_object(Bucket="incoming", Key="kept", Body=b"yes")
        assert stack.interrupt() == 0
    if ports == "other ports":
        (state_dir / "ports.json").unlink()
    with supervised(state_dir, servers=True) as stack:
        after = stack.environment()
        with redis_of(stack) as redis, s3_of(stack) as s3:
            assert redis.get("kept") == "yes"
            assert body_of(s3, "incoming", "kept") == b"yes"
            s3.put_object(Bucket="incoming", Key="new", Body=b"too")
            assert body_of(s3, "incoming", "new") == b"too"
        assert (before == after) is (ports == "the same ports")
        assert before["DOCFLEET_API_KEY"] == after["DOCFLEET_API_KEY"]
        assert before["AWS_SECRET_ACCESS_KEY"] == after["AWS_SECRET_ACCESS_KEY"]


def test_up_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port that was asked for is taken or refused, never replaced."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        answer = docfleet("up", "--state-dir", str(tmp_path / "state"), "--redis-port", port)
    assert answer.returncode == 2
    assert f"port {port} cannot be had for redis" in answer.stderr


def test_up_refuses_a_pool_that_the_fleet_lacks(tmp_path: Path) -> None:
    """The message names the pools that there are."""
    answer = docfleet("up", "--state-dir", str(tmp_path / "state"), "--pool", "moon")
    assert answer.returncode == 2
    assert "there is no pool 'moon'; the fleet's file has: cpu" in answer.stderr
