"""Assembly of each role's stage from the settings."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from ledger.access.secret_box import SecretBox
from schemas.queues import infer_queue
from schemas.task import Task
from settings.chat_models import ChatModels
from settings.environment import user_cache
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from settings.own_ports import own_ports
from settings.sections.pools import PoolSettings
from settings.sections.scorecards import load_scorecards
from settings.sections.tasks import load_tasks
from storage.s3 import S3Store
from workers.batch.stage import BatchStage
from workers.deliver.egress import EgressGuard
from workers.deliver.receiver import Receivers
from workers.deliver.signers import Signers
from workers.deliver.stage import DeliverStage
from workers.engine.gate_memory import GateSize
from workers.engine.gated import GatedEngine
from workers.engine.protocol import Engine
from workers.engine.scripted.engine import ScriptedEngine
from workers.engine.vllm.arguments import max_rank
from workers.engine.vllm.engine import VllmEngine, import_vllm
from workers.engine_kind import EngineKind
from workers.infer.chat_runner import ChatRunner
from workers.infer.kept_tasks import Kept
from workers.infer.reading.budget import ContextBudget
from workers.infer.results import Results
from workers.infer.stage import InferStage
from workers.infer.task_runner import TaskRunner
from workers.models.adapter_cache import AdapterCache
from workers.models.adapter_registry import TaskAdapters
from workers.models.base_model import find_model, known_layers, locate_model
from workers.models.base_model_notice import BaseModelNotice
from workers.models.model_tokenizer import ModelTokenizer
from workers.prepare.lockdown.privileges import hide_memory
from workers.prepare.stage import PoolTokens, PrepareStage
from workers.retry_policy import RetryLimits
from workers.role import Role
from workers.routing import PoolLimits, fallback_pools
from workers.runtime.process import WorkerProcess
from workers.stage import WorkerStage

log = structlog.get_logger(__name__)

_MAX_LORA_RANK = 64


def run_worker(
    settings: FleetSettings, roles: Sequence[Role], *, pool: str | None, engine: EngineKind
) -> int:
    """Serve these roles until SIGTERM; return the exit code.

    Args:
        settings: The fleet's, with the address of its Redis.
        roles: The roles, all in one process.
        pool: Pool of an infer worker; None for the first pool of the file.
        engine: Kind of engine of an infer worker.

    Raises:
        SettingsError: A role lacks a setting.
        EngineStartError: The engine cannot start as configured.
    """
    if Role.PREPARE in roles:
        hide_memory()  # hides them from a document reader that breaks out of its sandbox
    if settings.redis_url is None:
        raise SettingsError("a worker needs DOCFLEET_REDIS_URL, the ledger's Redis")
    builder = _Builder(settings, load_tasks(settings.tasks_dir), pool, engine)
    if Role.DELIVER in roles:
        settings.callback_secrets()  # report a missing setting before anything is loaded

    def make_stages(process: WorkerProcess) -> Mapping[str, WorkerStage]:
        return {role: builder.stage(role, process) for role in roles}

    return WorkerProcess(settings, settings.redis_url.get_secret_value(), make_stages).run()


class _Builder:
    def __init__(
        self,
        settings: FleetSettings,
        tasks: Mapping[str, Task],
        pool: str | None,
        engine: EngineKind,
    ) -> None:
        self._settings = settings
        self._tasks = tasks
        self._scorecards = load_scorecards(settings.tasks_dir, tasks)
        self._name, self._pool = settings.pool(pool)
        self._engine = engine

    def stage(self, role: Role, process: WorkerProcess) -> WorkerStage:
        match role:
            case Role.PREPARE:
                return self._prepare()
            case Role.INFER:
                return self._infer(process)
            case Role.DELIVER:
                return self._deliver(process)
            case Role.BATCH:
                return BatchStage(
                    process.ledger,
                    S3Store(),
                    self._settings,
                    ChatModels(self._settings, self._tasks),
                )

    def _limits(self) -> list[PoolLimits]:
        return [
            PoolLimits(name, pool.model, pool.max_model_len)
            for name, pool in self._settings.pools.items()
        ]

    def _source(self, pool: PoolSettings) -> str:
        return self._settings.models[pool.model].source

    def _prepare(self) -> PrepareStage:
        pools = [
            PoolTokens(limits, ModelTokenizer(self._source(pool)))
            for limits, pool in zip(self._limits(), self._settings.pools.values(), strict=True)
        ]
        return PrepareStage(self._settings, S3Store(), self._tasks, pools)

    def _infer(self, process: WorkerProcess) -> InferStage:
        store = S3Store()
        match self._engine:
            case EngineKind.VLLM:
                model_dir = self._located_model()
                adapters = self._adapters(model_dir, store)
                bare_engine = self._vllm(model_dir, adapters)
            case EngineKind.SCRIPTED:
                adapters = self._adapters(find_model(self._source(self._pool)), store)
                bare_engine = self._scripted()
        schemas = [task.output_schema for task in self._tasks.values()]
        engine = GatedEngine(bare_engine, self._pool.slots, schemas)
        queue = infer_queue(self._name)
        return InferStage(
            pool=self._name,
            worker=process.name,
            engine=engine,
            documents=TaskRunner(
                engine, store, self._tasks, adapters, self._budget(), self._scorecards
            ),
            chats=self._chats(engine, store, adapters),
            results=Results(store, self._settings.results_bucket),
            kept=Kept(store, self._settings.work_bucket),
            limits=RetryLimits(
                self._settings.lease.attempts, fallback_pools(self._limits(), self._name)
            ),
            gate_memory=GateSize(process.ledger, queue, socket.gethostname(), engine.gate),
            on_engine_death=process.engine_died,
            base_model=self._base_model(process, adapters),
        )

    def _base_model(self, process: WorkerProcess, adapters: TaskAdapters) -> BaseModelNotice:
        pool = self._pool
        highest = max_rank(adapters.usable, pool)
        return BaseModelNotice(process.ledger, self._name, pool.model, self._source(pool), highest)

    def _budget(self) -> ContextBudget:
        tokenizer = ModelTokenizer(self._source(self._pool))
        return ContextBudget(self._pool.max_model_len, tokenizer.count)

    def _chats(self, engine: GatedEngine, store: S3Store, adapters: TaskAdapters) -> ChatRunner:
        return ChatRunner(
            engine,
            store,
            adapters,
            ChatModels(self._settings, self._tasks),
            base=self._pool.model,
            seconds=self._settings.openai.answer_seconds,
            line_bytes=self._settings.openai.line_bytes,
        )

    def _located_model(self) -> Path:
        """Return the directory of the pool's model; import vLLM beside, which takes as long."""
        with ThreadPoolExecutor(max_workers=1) as beside:
            model = beside.submit(locate_model, self._source(self._pool))
            import_vllm(self._name)
            return model.result()

    def _adapters(self, model_dir: Path | None, store: S3Store) -> TaskAdapters:
        """Return the adapters of the tasks' files and of the registry.

        Args:
            model_dir: The pool's model; None where its weights are away.
            store: Holds the adapters of the registry.
        """
        pool, limits = self._pool, self._settings.limits
        highest = pool.engine.get("max_lora_rank", _MAX_LORA_RANK)
        adapters = TaskAdapters.verified(self._tasks, model_dir, highest)
        cache = AdapterCache(
            store,
            self._settings.work_bucket,
            user_cache() / "adapters",
            limits.adapter_cache_bytes,
            known_layers(model_dir),
            max_rank(adapters.usable, pool),
        )
        adapters.serve(pool.model, cache)
        return adapters

    def _vllm(self, model_dir: Path, adapters: TaskAdapters) -> Engine:
        return VllmEngine(
            model_dir, self._name, self._pool, adapters.usable, limits=self._settings.limits
        )

    def _scripted(self) -> Engine:
        log.warning("SCRIPTED ENGINE: the results of this worker are made up, no model runs")
        return ScriptedEngine(
            self._pool.model,
            seconds_per_token=self._settings.scripted.seconds_per_token,
            max_model_len=self._pool.max_model_len,
            slots=self._pool.slots,
        )

    def _deliver(self, process: WorkerProcess) -> DeliverStage:
        settings, ledger = self._settings.callbacks, process.ledger
        keys = self._settings.encryption_keys
        box = SecretBox(keys.get_secret_value() if keys else "")
        signers = Signers(self._settings.callback_secrets(), ledger.callback_secrets, box)
        receivers = Receivers(settings, signers, ledger.endpoints)
        guard = EgressGuard(settings.allow_networks, settings.ports, own_ports(self._settings))
        return DeliverStage(settings, receivers, ledger.endpoints, S3Store(), guard)
