"""The production engine: vLLM in this process, its EngineCore and workers in other processes.

Start it on the thread of a long-lived event loop, for the reason in parent_death.py. Only client.py
calls vLLM; it is imported when an engine starts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import structlog

from schemas.engine import EngineVersion
from settings.ready import start_step
from settings.sections.limits import LimitSettings
from settings.sections.pools import PoolSettings
from workers.engine.protocol import EngineAnswer, EngineRequest
from workers.engine.residents import ResidentAdapters
from workers.engine.vllm.arguments import engine_arguments, resident_adapters
from workers.engine.vllm.device import check_devices
from workers.engine.vllm.environment import prepare_engine_environment
from workers.engine.vllm.grammars import Grammars
from workers.engine.vllm.memory import await_room, cpu_engine_bytes, machine_memory
from workers.errors import AdapterRefusedError, EngineDiedError, EngineStartError
from workers.models.adapter import Adapter
from workers.models.base_model import quantization_method
from workers.models.model_digest import model_digest

if TYPE_CHECKING:
    from workers.engine.vllm.client import EngineClient

log = structlog.get_logger(__name__)

_NOT_RUNNING = "The engine is not running."
_CLIENT = "workers.engine.vllm.client"


def import_vllm(pool_name: str) -> ModuleType:
    """Import vLLM, which takes seconds and 600 MB, and return the module that calls it.

    Args:
        pool_name: Name of the pool, for messages.

    Raises:
        EngineStartError: vLLM is not installed.
    """
    prepare_engine_environment()
    imported = sys.modules.get(_CLIENT)
    if imported is not None:
        return imported
    try:
        with start_step("importing vLLM"):
            return import_module(_CLIENT)
    except ModuleNotFoundError as error:
        raise EngineStartError(
            f"pools.{pool_name}: {error.name} is not installed; install docfleet with its extra "
            "`cpu` or `gpu`."
        ) from error


class VllmEngine:
    """One model of one pool, with adapters that come and go.

    An adapter is loaded for the first request that needs it; one that cannot be loaded fails only
    its own requests.
    """

    def __init__(
        self,
        model_dir: Path,
        pool_name: str,
        pool: PoolSettings,
        adapters: Sequence[Adapter] = (),
        limits: LimitSettings | None = None,
    ) -> None:
        """Store the arguments of the engine.

        Args:
            model_dir: The base model's directory, from `locate_model`.
            pool_name: Name of the pool, for messages.
            pool: Its slots, context and engine arguments.
            adapters: Adapters of the tasks' files; there is room for their rank.
            limits: Maximum cost of compiling a schema.
        """
        self._model_dir = model_dir
        self._pool_name = pool_name
        self._pool = pool
        self._adapters = tuple(dict.fromkeys(adapters))
        self._residents: ResidentAdapters | None = None
        self._limits = limits or LimitSettings()
        self._grammars: Grammars | None = None
        self._client: EngineClient | None = None
        self._version: EngineVersion | None = None

    @property
    def version(self) -> EngineVersion:
        """See Engine."""
        if self._version is None:
            raise EngineStartError("The engine has not been started.")
        return self._version

    async def start(self) -> None:
        """See Engine; blocks the event loop while vLLM loads the model."""
        place = f"pools.{self._pool_name}"
        if not (self._model_dir / "config.json").is_file():
            raise EngineStartError(f"{place}: {self._model_dir} holds no model: no config.json.")
        sha256 = await asyncio.to_thread(model_digest, self._model_dir)
        engine_client = import_vllm(self._pool_name)
        build = engine_client.vllm_build()
        self._check_device(engine_client, on_cpu=build.on_cpu)
        arguments = engine_arguments(
            self._model_dir,
            self._pool_name,
            self._pool,
            self._adapters,
            build,
            quantization=quantization_method(self._model_dir),
        )
        await self._await_room(engine_client, arguments, on_cpu=build.on_cpu)
        try:
            dtype, reason = self._dtype(arguments)
            with start_step(f"starting the engine with dtype {dtype}, for {reason}"):
                self._client = engine_client.EngineClient(arguments)
                await self._client.check_chat()
            if room := resident_adapters(arguments, on_cpu=build.on_cpu):
                self._residents = ResidentAdapters(room, self._load, self._unload)
            self._grammars = Grammars(self._client.vocabulary(), self._limits)
        except EngineStartError as error:
            await self.stop()
            raise EngineStartError(f"{place}: vLLM cannot start {self._pool.model}: {error}") from (
                error
            )
        self._version = EngineVersion(
            kind="vllm",
            version=engine_client.VLLM_VERSION,
            model=self._pool.model,
            model_sha256=sha256,
        )
        log.info("engine started", pool=self._pool_name, adapters=len(self._adapters))

    def _check_device(self, client: ModuleType, *, on_cpu: bool) -> None:
        """Check that the machine has the device of the pool, and the installed vLLM uses it."""
        gpu, kind = self._pool.gpu, self._pool.kind
        sees = f"the installed vLLM {client.VLLM_VERSION} sees"
        if not client.has_device() or (on_cpu and not kind.is_cpu):
            raise EngineStartError(
                f"pools.{self._pool_name}: the pool is for {gpu}, and {sees} "
                f"{'only the CPU' if on_cpu else 'no GPU'}."
            )
        if on_cpu:
            return
        devices = client.devices()
        if kind.is_cpu:
            found = ", ".join(sorted({device.name for device in devices}))
            raise EngineStartError(
                f"pools.{self._pool_name}: the pool is for the CPU, and {sees} {found}: set `gpu` "
                "to that, or install docfleet with its extra `cpu`."
            )
        check_devices(self._pool_name, self._pool, devices)

    def _dtype(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """Return the dtype of the engine, and the reason for it."""
        dtype = arguments.get("dtype")
        if dtype is None:
            return "auto", "vLLM follows the model"
        if "dtype" in self._pool.engine:
            return dtype, f"pools.{self._pool_name}.engine says so"
        has = "has" if dtype == "bfloat16" else "has no"
        return dtype, f"this processor {has} bfloat16"

    async def _await_room(
        self, client: ModuleType, arguments: Mapping[str, Any], *, on_cpu: bool
    ) -> None:
        """Wait until each device of the engine is free; an earlier engine may still be ending."""
        if on_cpu:
            needed = cpu_engine_bytes(
                self._model_dir, arguments["kv_cache_memory_bytes"], arguments.get("dtype")
            )
            await await_room(machine_memory, lambda _: needed)
            return
        share = client.gpu_share(arguments)
        for device in range(arguments.get("tensor_parallel_size", 1)):
            await await_room(
                partial(client.gpu_memory, device), lambda memory: share * memory.total
            )

    async def schema_problem(self, schema: Mapping[str, Any]) -> str | None:
        """See Engine."""
        if self._grammars is None:
            raise EngineDiedError(_NOT_RUNNING)
        return await self._grammars.problem(schema)

    async def generate(self, request: EngineRequest) -> EngineAnswer:
        """See Engine."""
        if self._client is None:
            raise EngineDiedError(_NOT_RUNNING)
        if request.adapter is None:
            return await self._client.complete(request, None)
        if self._residents is None:
            raise AdapterRefusedError(
                f"pools.{self._pool_name} takes no adapters: its `enable_lora` is off."
            )
        async with self._residents.using(request.adapter) as adapter_id:
            return await self._client.complete(request, adapter_id)

    async def _load(self, adapter: Adapter, adapter_id: int) -> None:
        if self._client is None:
            raise EngineDiedError(_NOT_RUNNING)
        await self._client.add_adapter(adapter, adapter_id)

    async def _unload(self, adapter_id: int) -> None:
        if self._client is None:
            raise EngineDiedError(_NOT_RUNNING)
        await self._client.remove_adapter(adapter_id)

    async def stop(self) -> None:
        """See Engine."""
        client, self._client = self._client, None
        grammars, self._grammars = self._grammars, None
        residents, self._residents = self._residents, None
        if residents is not None:
            residents.stop()
        if grammars is not None:
            await grammars.stop()
        if client is not None:
            await client.close()
            log.info("engine stopped", pool=self._pool_name)
