"""The stack on trial, through `docker compose` and `docker`."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import yaml

from infra.compose.verify.errors import VerifyError

ROOT = Path(__file__).parents[3]
PROJECT = "docfleet-verify"
PORTS = ("API_PORT", "S3_PORT", "RECEIVER_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")
_ONCE = frozenset({"secrets", "receiver-secret", "buckets"})
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the engine sees it.

    Attributes:
        id: Id in the engine.
        service: Service in the compose file.
        status: Status, such as `running` or `exited`.
        health: `healthy`, `unhealthy`, `starting`, or empty without a check.
        exit_code: Exit code of its last process.
        restarts: Number of restarts by the engine.
        started_at: Start of its last process.
    """

    id: str
    service: str
    status: str
    health: str
    exit_code: int
    restarts: int
    started_at: datetime

    @property
    def well(self) -> bool:
        """Tell whether a container runs and is healthy, or has finished its work."""
        if self.service in _ONCE:
            return self.status == "exited" and self.exit_code == 0
        return self.status == "running" and self.health in {"", "healthy"}


class Stack:
    """A project of its own, on its own ports, with the demo's claims system.

    Args:
        without: Services that are left out, because their images are not available.
        say: Called with each step.
    """

    def __init__(self, without: Sequence[str], say: Callable[[str], None]) -> None:
        self.without = frozenset(without)
        self.ports = _free_ports()
        self.say = say
        self._took: dict[str, float] = {}
        self._seen: dict[str, datetime] = {}  # by container, the process that was seen as healthy
        self._compose = _compose_command()
        self._environment = {name: str(port) for name, port in self.ports.items()}
        # A service in an unused profile is not pulled either.
        out = {name: {"profiles": ["left-out"]} for name in without}
        self._left_out = {"services": out} if out else {}

    def compose(
        self, *words: str, overlay: Mapping[str, Any] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of Compose.

        Args:
            words: The command.
            overlay: Further compose file over the others.
            check: True when a failure is an error.

        Raises:
            VerifyError: The command failed.
        """
        with ExitStack() as stack:
            files = ["docker-compose.yml", "infra/compose/demo.yml"]
            for laid_over in (self._left_out, overlay):
                if laid_over:
                    file = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".yml"))
                    file.write(yaml.safe_dump(dict(laid_over)))
                    file.flush()
                    files.append(file.name)
            named = [word for name in files for word in ("-f", name)]
            return _run(
                [*self._compose, "--project-directory", ".", "-p", PROJECT, *named, *words],
                environment=self._environment,
                check=check,
            )

    def up(self, *words: str) -> None:
        """Start all services that are not left out; do not wait until they are healthy."""
        self.compose("up", "--detach", "--quiet-pull", *words)

    def down(self, *words: str) -> None:
        """Stop and remove the containers."""
        self.compose("down", *words)

    def containers(self, service: str | None = None) -> list[Container]:
        """Return the containers of a service, or all."""
        words = ("ps", "--all", "--quiet", *((service,) if service else ()))
        ids = self.compose(*words).stdout.split()
        if not ids:
            return []
        return [_container(one) for one in json.loads(docker("inspect", *ids).stdout)]

    def start(self, patience_seconds: float) -> dict[str, float]:
        """Start all services, and wait; see await_well."""
        with ThreadPoolExecutor() as thread:
            starting = thread.submit(self.up)
            while not starting.done():
                self._look()
                sleep(_POLL_SECONDS)
            starting.result()
        return self.await_well(patience_seconds)

    def await_well(self, patience_seconds: float) -> dict[str, float]:
        """Wait until all expected services are healthy.

        Returns:
            Seconds from the start of each service's process until its check succeeded.

        Raises:
            VerifyError: A service is not healthy in time.
        """
        give_up_at = monotonic() + patience_seconds
        while ill := [one for one in self._look() if not one.well]:
            if monotonic() >= give_up_at:
                raise VerifyError("not well: " + ", ".join(_told(one) for one in ill))
            sleep(_POLL_SECONDS)
        return self._took

    def _look(self) -> list[Container]:
        """Look at all containers, and report those that have become healthy."""
        containers = self.containers()
        for one in containers:
            if one.well and one.status == "running" and self._seen.get(one.id) != one.started_at:
                self._seen[one.id] = one.started_at
                now = datetime.now(one.started_at.tzinfo)
                self._took[one.service] = (now - one.started_at).total_seconds()
                self.say(f"  {one.service} is well after {self._took[one.service]:.1f} s")
        return containers

    def kill(self, service: str) -> None:
        """Kill the process in a service's container, as the kernel would."""
        self.compose("exec", "-T", service, "sh", "-c", "kill -9 -1", check=False)

    def log_end(self, service: str, lines: int = 4) -> str:
        """Return the last lines of a service's log."""
        done = self.compose("logs", "--no-log-prefix", "--tail", str(lines), service)
        return done.stdout.strip()

    def secret(self, name: str) -> str:
        """Return one of the stack's secrets."""
        return self.compose("exec", "-T", "api", "cat", f"/run/docfleet/{name}").stdout.strip()


def docker(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a Docker command."""
    return _run(["docker", *words], check=check)


@contextmanager
def taken_port(port: int) -> Iterator[None]:
    """Hold a port with another program, for the length of a block."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


def _compose_command() -> list[str]:
    if _run(["docker", "compose", "version"], check=False).returncode == 0:
        return ["docker", "compose"]
    beside = Path(sys.executable).with_name("docker-compose")
    found = str(beside) if beside.is_file() else shutil.which("docker-compose")
    if found is None:
        raise VerifyError("Docker's Compose plugin is not installed")
    return [found]


def _run(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, check: bool
) -> subprocess.CompletedProcess[str]:
    words = ["env", *(f"{name}={value}" for name, value in (environment or {}).items()), *command]
    done = subprocess.run(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        raise VerifyError(f"{' '.join(command[-6:])}: {done.stderr.strip()[-1500:]}")
    return done


def _container(one: Mapping[str, Any]) -> Container:
    state = one["State"]
    return Container(
        id=one["Id"],
        service=one["Config"]["Labels"]["com.docker.compose.service"],
        status=state["Status"],
        health=state.get("Health", {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=one["RestartCount"],
        started_at=datetime.fromisoformat(state["StartedAt"]),
    )


def _told(one: Container) -> str:
    return f"{one.service} is {one.status} {one.health} (exit status {one.exit_code})"


def _free_ports() -> dict[str, int]:
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(socket.socket()) for name in PORTS}
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}
