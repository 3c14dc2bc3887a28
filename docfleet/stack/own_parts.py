"""Parts that are docfleet's own processes: the API, the watcher and the workers."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from docfleet.processes.part import Part
from docfleet.stack.mourning import mourn
from docfleet.stack.ports import LOOPBACK
from settings.environment import part_environment, with_python_path
from settings.fleet import FleetSettings
from workers.engine_kind import EngineKind

_SERVER_STOP_SECONDS = 10
_AFTER_DRAIN_SECONDS = 10
"""Seconds for a worker to release everything; vLLM needs about four of them."""


_NOTES = {
    EngineKind.VLLM: "",
    EngineKind.SCRIPTED: "SCRIPTED ENGINE: its results are made up, no model runs",
}


class OwnParts:
    """Makes the parts, all with the same settings.

    Args:
        settings: The fleet's.
        config: The fleet's file, where each part reads its settings.
        inside: Variables that reach the stack's servers.
    """

    def __init__(self, settings: FleetSettings, config: Path, inside: Mapping[str, str]) -> None:
        self._settings = settings
        self._config = config.absolute()
        self._environment = _importable(part_environment(inside))

    def api(self, port: int) -> Part:
        """Return the HTTP API."""
        return Part(
            name="api",
            roles=("api",),
            argv=self._argv("api", "--port", str(port)),
            environment=self._environment,
            place=f"http://{LOOPBACK}:{port}",
            stop_seconds=_SERVER_STOP_SECONDS,
        )

    def watch(self, port: int, metrics_port: int) -> Part:
        """Return the watcher of the buckets that rules name.

        Args:
            port: Port of its event listener.
            metrics_port: Port of its metrics.
        """
        return Part(
            name="watch",
            roles=("watch",),
            argv=self._argv("watch", "--port", str(port)),
            environment=self._with_metrics(metrics_port),
            place=f"s3://{self._settings.incoming_bucket}",
            stop_seconds=_SERVER_STOP_SECONDS + self._last_poll_seconds(),
        )

    def prepare_and_deliver(self, metrics_port: int) -> Part:
        """Return one worker for the roles that need no engine."""
        return self._worker(
            "prepare-deliver", ("prepare", "deliver", "batch"), (), metrics_port, "one worker"
        )

    def infer(self, number: int, pool: str, engine: EngineKind, metrics_port: int) -> Part:
        """Return a worker with an engine.

        Args:
            number: Number of the worker.
            pool: Pool of the worker.
            engine: Kind of its engine.
            metrics_port: Port of its metrics.
        """
        part = self._worker(
            f"infer-{number}",
            ("infer",),
            ("--pool", pool, "--engine", engine.value),
            metrics_port,
            f"pool {pool}, engine {engine.value}",
        )
        return replace(part, note=_NOTES[engine], early=True)

    def _worker(
        self,
        name: str,
        roles: tuple[str, ...],
        options: tuple[str, ...],
        metrics_port: int,
        place: str,
    ) -> Part:
        lease, redis_url = self._settings.lease, self._environment["DOCFLEET_REDIS_URL"]
        return Part(
            name=name,
            roles=roles,
            argv=self._argv("worker", *roles, *options),
            environment={**self._with_metrics(metrics_port), "DOCFLEET_WORKER_NAME": name},
            place=place,
            stop_seconds=lease.drain_seconds + _AFTER_DRAIN_SECONDS,
            mourn=partial(mourn, redis_url, name, lease.attempts),
        )

    def _with_metrics(self, port: int) -> dict[str, str]:
        """Give each process a port of its own."""
        own = {"DOCFLEET_METRICS_HOST": LOOPBACK, "DOCFLEET_METRICS_PORT": str(port)}
        return {**self._environment, **own}

    def _last_poll_seconds(self) -> int:
        """Return the seconds of a queue's last poll, which cannot be cancelled."""
        watch = self._settings.watch
        return watch.poll_seconds if watch.queues else 0

    def _argv(self, *words: str) -> tuple[str, ...]:
        # -P: no file in the user's working directory replaces a module of ours.
        return (sys.executable, "-P", "-m", "docfleet", *words, "--config", str(self._config))


def _importable(environment: dict[str, str]) -> dict[str, str]:
    """Make docfleet importable for a part, when it runs from a checkout and is not installed."""
    folder = Path(__file__).parents[2]
    if folder == Path(sysconfig.get_path("purelib")):
        return environment
    return with_python_path(environment, str(folder))
