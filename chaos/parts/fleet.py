"""A fleet to break: the parts of the local stack, with keepers that restart them at once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from chaos.parts.kept_part import KeptPart
from chaos.parts.store_proxy import StoreProxy
from docfleet.processes.guard import Guard
from docfleet.processes.part import Part
from docfleet.stack.layout import LocalStack, local_stack
from docfleet.stack.mourning import mourn
from docfleet.stack.options import StackOptions
from docfleet.stack.state_dir import StateDir
from settings.environment import apply_environment
from settings.fleet import FleetSettings, load_settings
from workers.engine_kind import EngineKind

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "fleet.toml"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # signs for a receiver on loopback

_COMMON = {
    # One cheap task for each drop: the drills test the queue.
    "DOCFLEET_RULES": '[{"tasks": ["document-class"]}]',
    "DOCFLEET_CALLBACKS__SCHEDULE_SECONDS": "[1, 1, 1, 1, 1, 1, 1, 1, 1]",
    "DOCFLEET_WATCH__LIST_SECONDS": "1",
    "DOCFLEET_PREPARE_CONCURRENCY": "8",
}

_LEASE = "DOCFLEET_LEASE__"

QUICK_LEASE = {
    "DOCFLEET_LEASE__SECONDS": "4",
    "DOCFLEET_LEASE__HEARTBEAT_SECONDS": "1",
    "DOCFLEET_LEASE__SWEEP_SECONDS": "0.5",
    "DOCFLEET_LEASE__GRACE_SECONDS": "2",
}
"""Short leases for short runs: faults are noticed in less than half the default time."""


@dataclass(frozen=True)
class FleetPlan:
    """The fleet of a scenario.

    Attributes:
        infer_workers: Number of infer workers.
        concurrency: Concurrency of each.
        engine: Kind of their engines.
        variables: Settings of every part.
        spares: Further infer workers, which the drill starts with settings of their own.
        prepare_workers: Workers for all roles but infer.
        has_store_proxy: True when all its parts reach the object store through a proxy.
        api: True when the HTTP API runs.
        api_files: Maximum files that the API may open; None for the default.
    """

    infer_workers: int = 2
    concurrency: int = 16
    engine: EngineKind = EngineKind.SCRIPTED
    variables: Mapping[str, str] = field(default_factory=dict)
    spares: int = 0
    prepare_workers: int = 1
    has_store_proxy: bool = False
    api: bool = False
    api_files: int | None = None


class Fleet:
    """A running fleet.

    Args:
        stack: The stack, with the plan's settings in its parts.
        settings: Settings for a client of the fleet.
        state: The state directory, held by this process.
        guard: Ends the processes if this one is killed.
        store_proxy: The proxy between the parts and the object store, if the plan wants one.
        plan: The plan.
    """

    def __init__(
        self,
        stack: LocalStack,
        settings: FleetSettings,
        state: StateDir,
        guard: Guard,
        store_proxy: StoreProxy,
        plan: FleetPlan,
    ) -> None:
        self.environment = stack.environment
        self.settings = settings
        self.state = state
        self.redis: Redis = Redis.from_url(
            stack.environment["DOCFLEET_REDIS_URL"],
            decode_responses=True,
            socket_timeout=5,
            # A connection from before the last fault must not cause an error.
            retry=Retry(ConstantBackoff(0.1), 3),
        )
        parts = [part for part in chain(*stack.layers) if plan.api or part.name != "api"]
        self._layout = {part.name: part for part in parts[: len(parts) - plan.spares]}
        self._spares = parts[len(parts) - plan.spares :]
        self._guard = guard
        self.store_proxy = store_proxy
        self.parts: dict[str, KeptPart] = {}

    @property
    def infer(self) -> list[KeptPart]:
        """Return the infer workers."""
        return [part for name, part in self.parts.items() if name.startswith("infer-")]

    @property
    def workers(self) -> list[KeptPart]:
        """Return all workers."""
        return [*self.infer, self.parts["prepare-deliver"]]

    async def start(self) -> None:
        """Start the servers, then the other parts, and wait until all are ready."""
        servers = ("redis", "s3")
        await asyncio.gather(*(self.start_part(name).until_ready() for name in servers))
        rest = [name for name in self._layout if name not in servers]
        await asyncio.gather(*(self.start_part(name).until_ready() for name in rest))

    def start_part(self, name: str) -> KeptPart:
        """Start a part of the layout."""
        self.parts[name] = kept = KeptPart(
            self._layout[name],
            family=self.state.family,
            log=self.state.logs / f"{name}.log",
            guard=self._guard,
        )
        return kept

    def start_spare(self, variables: Mapping[str, str]) -> KeptPart:
        """Start the next spare infer worker, with settings of its own."""
        part = self._spares.pop(0)
        environment = {**part.environment, **variables}
        self._layout[part.name] = replace(part, environment=environment)
        return self.start_part(part.name)

    def times_logged(self, prefix: str, words: str) -> int:
        """Count the log lines of these parts that contain these words."""
        logs = self.state.logs.glob(f"{prefix}*.log")
        return sum(log.read_text(errors="replace").count(words) for log in logs)

    async def until_ready(self) -> None:
        """Wait until every part is ready again."""
        await asyncio.gather(*(part.until_ready() for part in self.parts.values()))

    async def close(self) -> None:
        """End all processes."""
        await self.redis.aclose()
        for name in reversed(self.parts):
            await self.parts[name].close()


@asynccontextmanager
async def running_fleet(folder: Path, plan: FleetPlan, callback_url: str) -> AsyncIterator[Fleet]:
    """Run a fleet for the length of a block, in a new folder.

    Args:
        folder: Folder for data and logs.
        plan: The plan.
        callback_url: Receiver of each job's end.
    """
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    state = StateDir(folder)
    with state.held():
        stack, settings = _lay_out(state, plan, callback_url)
        guard = Guard(f"{state.family}.")
        async with StoreProxy(_store_port(stack)) as proxy:
            if plan.has_store_proxy:
                stack = _through(proxy, stack)
            fleet = Fleet(stack, settings, state, guard, proxy, plan)
            try:
                await fleet.start()
                yield fleet
            finally:
                await fleet.close()
                guard.end()


def _lay_out(
    state: StateDir, plan: FleetPlan, callback_url: str
) -> tuple[LocalStack, FleetSettings]:
    given: dict[str, Any] = {
        "callback_url": callback_url,
        "callback_secret": SECRET,
        "lease": _lease_of(plan),
    }
    options = StackOptions(
        config=CONFIG,
        engine=plan.engine,
        infer_workers=plan.infer_workers + plan.spares,
        concurrency=plan.concurrency,
    )
    stack = local_stack(load_settings(CONFIG, **given), state, options)
    apply_environment({**stack.environment, "AWS_DEFAULT_REGION": "us-east-1"})
    settings = load_settings(
        CONFIG, **given, redis_url=stack.environment["DOCFLEET_REDIS_URL"], state_dir=state.path
    )
    layers = [[_with_variables(part, plan) for part in layer] for layer in stack.layers]
    prepare, *infer = layers[-1]
    more = [_another(prepare, n, settings, state) for n in range(2, plan.prepare_workers + 1)]
    layers[-1] = [prepare, *more, *infer]
    if plan.api_files is not None:
        layers = [[_with_few_files(part, plan.api_files) for part in layer] for layer in layers]
    return replace(stack, layers=layers), settings


def _lease_of(plan: FleetPlan) -> dict[str, str]:
    """Return the lease settings of a plan, for processes that are no workers."""
    return {
        name.removeprefix(_LEASE).lower(): value
        for name, value in plan.variables.items()
        if name.startswith(_LEASE)
    }


def _another(part: Part, number: int, settings: FleetSettings, state: StateDir) -> Part:
    """Return another worker like this one, with its own name and port."""
    name = f"{part.name}-{number}"
    own = {
        "DOCFLEET_WORKER_NAME": name,
        "DOCFLEET_METRICS_PORT": str(state.ports().choose(f"{name}-metrics")),
    }
    return replace(
        part,
        name=name,
        environment={**part.environment, **own},
        mourn=partial(mourn, part.environment["DOCFLEET_REDIS_URL"], name, settings.lease.attempts),
    )


def _with_few_files(part: Part, files: int) -> Part:
    """Bound the files that the API may open."""
    if part.name != "api":
        return part
    bounded = ("/bin/sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *part.argv)
    return replace(part, argv=bounded)


def _store_port(stack: LocalStack) -> int:
    return int(stack.environment["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])


def _through(proxy: StoreProxy, stack: LocalStack) -> LocalStack:
    """Make all parts except the servers reach the object store through a proxy."""
    changes = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.port}"}
    return replace(
        stack, layers=[[_changed(part, changes) for part in one] for one in stack.layers]
    )


def _with_variables(part: Part, plan: FleetPlan) -> Part:
    return _changed(part, {**_COMMON, **plan.variables})


def _changed(part: Part, changes: Mapping[str, str]) -> Part:
    if part.name in {"redis", "s3"}:
        return part
    return replace(part, environment={**part.environment, **changes})
