"""The roles that a worker process can serve, and how each one's stage is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from schemas.task import Task
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from settings.tasks import load_tasks
from storage.s3 import S3Store
from workers.adapters import Adapters
from workers.deliver import DeliverStage
from workers.engines import EngineKind, make_engine
from workers.infer import InferStage
from workers.model import Tokenizer, locate_model
from workers.prepare import PoolTokens, PrepareStage
from workers.process import WorkerProcess
from workers.routing import PoolLimits
from workers.stage import WorkerStage


class Role(StrEnum):
    """What a worker does."""

    PREPARE = "prepare"
    """Reads documents, on CPU."""
    INFER = "infer"
    """Runs tasks, on an engine."""
    DELIVER = "deliver"
    """Sends webhooks."""


def run_worker(
    settings: FleetSettings, roles: Sequence[Role], *, pool: str, engine: EngineKind
) -> int:
    """Serve these roles until SIGTERM; gives the exit code.

    Args:
        settings: The fleet's, with the address of its Redis.
        roles: What to serve, in one process.
        pool: Whose jobs an infer worker runs.
        engine: What an infer worker holds.

    Raises:
        SettingsError: A role lacks what it needs.
        EngineStartError: The engine cannot start as configured.
    """
    if settings.redis_url is None:
        raise SettingsError("a worker needs DOCFLEET_REDIS_URL, the ledger's Redis")
    builder = _Builder(settings, load_tasks(settings.tasks_dir), pool, engine)
    builder.check(roles)

    def make_stages(process: WorkerProcess) -> Mapping[str, WorkerStage]:
        return {role: builder.stage(role, process) for role in roles}

    return WorkerProcess(
        settings.redis_url.get_secret_value(), settings.lease, make_stages
    ).run()


class _Builder:
    def __init__(
        self, settings: FleetSettings, tasks: Mapping[str, Task], pool: str, engine: EngineKind
    ) -> None:
        self._settings = settings
        self._tasks = tasks
        self._pool = pool
        self._engine = engine

    def check(self, roles: Sequence[Role]) -> None:
        """Say what is missing before anything is loaded."""
        if Role.INFER in roles and self._pool not in self._settings.pools:
            known = ", ".join(sorted(self._settings.pools)) or "none"
            raise SettingsError(f"there is no pool {self._pool!r}; fleet.toml has: {known}")
        if Role.PREPARE in roles and not self._settings.pools:
            raise SettingsError("fleet.toml has no [pools]: prepared jobs would have nowhere to go")
        if Role.DELIVER in roles and self._settings.callback_secret is None:
            raise SettingsError("a deliver worker signs with DOCFLEET_CALLBACK_SECRET: set it")

    def stage(self, role: Role, process: WorkerProcess) -> WorkerStage:
        match role:
            case Role.PREPARE:
                return self._prepare()
            case Role.INFER:
                return self._infer(process)
            case Role.DELIVER:
                return self._deliver(process)

    def _prepare(self) -> PrepareStage:
        pools = [
            PoolTokens(
                PoolLimits(name, pool.max_model_len),
                Tokenizer(locate_model(self._settings.models[pool.model].source, self._settings.state_dir)),
            )
            for name, pool in self._settings.pools.items()
        ]
        return PrepareStage(self._settings, S3Store(), self._tasks, pools)

    def _infer(self, process: WorkerProcess) -> InferStage:
        adapters = Adapters.of(self._tasks, self._settings, self._pool)
        return InferStage(
            pool=self._pool,
            slots=self._settings.pools[self._pool].slots,
            engine=make_engine(self._settings, self._pool, self._engine, adapters),
            store=S3Store(),
            results_bucket=self._settings.results_bucket,
            tasks=self._tasks,
            adapters=adapters,
            worker=process.name,
            on_engine_death=process.engine_died,
        )

    def _deliver(self, process: WorkerProcess) -> DeliverStage:
        secret = self._settings.callback_secret
        if secret is None:
            raise SettingsError("a deliver worker signs with DOCFLEET_CALLBACK_SECRET: set it")
        return DeliverStage(
            process.ledger, self._settings.callbacks, secret.get_secret_value()
        )
