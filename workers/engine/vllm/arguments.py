"""Arguments of a pool's engine: the owner's, checked, over docfleet's defaults. Pure.

Nothing here imports vLLM: client.py passes in its argument names and LoRA ranks.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings.gpus.abilities import QUANTIZATIONS
from settings.gpus.engine_check import check_quantization
from settings.gpus.errors import GpuSettingError
from settings.sections.pools import PoolSettings
from workers.engine.vllm.processor import cpu_dtype
from workers.errors import EngineStartError
from workers.models.adapter import Adapter

_CPU_KV_CACHE_BYTES = 2**30
_CPU_BATCHED_TOKENS = 2048
_GPU_BATCHED_TOKENS = 8192
_MOST_LORAS_AT_ONCE = 8
_RESIDENT_LORAS = 16
_EMPTY_SLOTS = 1
"""Slots for adapters on a CPU that stay empty: in a batch with requests on adapters, vLLM 0.32
computes those on the base with the weights of the last slot (its index for none is -1)."""
"""Minimum adapters that an engine keeps in memory."""
_DEFAULT_MAX_RANK = 16
"""Maximum rank of adapters in a pool that names none: memory and time grow with it."""

_SET_ELSEWHERE = {
    "model": "the model's `source` in [models]",
    "max_model_len": "`max_model_len` of the pool itself",
    "structured_outputs_config": "docfleet, which needs guided and compact JSON",
}


@dataclass(frozen=True, slots=True)
class VllmBuild:
    """Abilities of the installed vLLM.

    Attributes:
        argument_names: Argument names of AsyncEngineArgs.
        lora_ranks: Allowed values of `max_lora_rank`, ascending.
        on_cpu: True when it computes on the CPU.
        processor_flags: Flags of that CPU, in the kernel's words.
    """

    argument_names: Collection[str]
    lora_ranks: Sequence[int]
    on_cpu: bool
    processor_flags: Collection[str] = ()


def engine_arguments(
    model_dir: Path,
    pool_name: str,
    pool: PoolSettings,
    adapters: Sequence[Adapter],
    build: VllmBuild,
    *,
    quantization: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of AsyncEngineArgs, by name.

    Args:
        model_dir: The base model.
        pool_name: Name of the pool, for messages.
        pool: Its slots, context and engine arguments.
        adapters: Adapters that the tasks' files name.
        build: Abilities of vLLM and the machine.
        quantization: Method of the weights, "" for one that is not named; it limits the dtype, so
            vLLM chooses that.

    Raises:
        EngineStartError: The owner's arguments have an unknown or a reserved name, or leave no
            room for the adapters, or the GPU cannot compute with the weights; the message names the
            key.
    """
    place = f"pools.{pool_name}.engine"
    _check_names(place, pool.engine, build.argument_names)
    if quantization is not None and quantization in QUANTIZATIONS:
        _check_weights(pool_name, pool, quantization)
    quantised = quantization is not None or "quantization" in pool.engine
    batched_tokens = _CPU_BATCHED_TOKENS if build.on_cpu else _GPU_BATCHED_TOKENS
    arguments = {
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "max_num_seqs": pool.slots,
        "max_num_batched_tokens": max(pool.slots, batched_tokens),
        **({"kv_cache_memory_bytes": _CPU_KV_CACHE_BYTES} if build.on_cpu else {}),
        **({"dtype": cpu_dtype(build.processor_flags)} if build.on_cpu and not quantised else {}),
        **_lora_arguments(adapters, pool, build.lora_ranks),
        **pool.engine,
        "model": str(model_dir),
        "max_model_len": pool.max_model_len,
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    }
    if build.on_cpu and takes_adapters(pool):
        # All that are resident have a slot: the last slot stays empty as long as one is left over.
        slots = max(pool.engine.get("max_cpu_loras", pool.slots), arguments["max_loras"])
        arguments["max_loras"] = arguments["max_cpu_loras"] = slots + _EMPTY_SLOTS
    return arguments


def resident_adapters(arguments: Mapping[str, Any], *, on_cpu: bool) -> int:
    """Return how many adapters an engine may hold at once; 0 where it takes none."""
    room = int(arguments.get("max_cpu_loras", 0))
    return room - _EMPTY_SLOTS if room and on_cpu else room


def _check_names(place: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    for name in given:
        if name in _SET_ELSEWHERE:
            raise EngineStartError(f"{place}.{name}: this is set by {_SET_ELSEWHERE[name]}.")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f": did you mean `{close[0]}`?" if close else "."
            raise EngineStartError(f"{place}.{name}: vLLM has no engine argument `{name}`{hint}")


def _check_weights(pool_name: str, pool: PoolSettings, quantization: str) -> None:
    try:
        check_quantization(pool.kind, quantization, str(pool.engine.get("dtype", "auto")))
    except GpuSettingError as error:
        raise EngineStartError(
            f"pools.{pool_name}: the weights of {pool.model} are quantized: {error}"
        ) from error


def _lora_arguments(
    adapters: Sequence[Adapter], pool: PoolSettings, ranks: Sequence[int]
) -> dict[str, Any]:
    """Return the arguments for room for adapters, which may come at any time."""
    if not takes_adapters(pool):
        return {}
    highest = max_rank(adapters, pool)
    fitting = [rank for rank in ranks if rank >= highest]
    if not fitting:
        raise EngineStartError(
            f"An adapter has rank {highest}, and vLLM's highest is {max(ranks)}: "
            "train it with a lower rank."
        )
    at_once = pool.engine.get("max_loras") or min(pool.slots, _MOST_LORAS_AT_ONCE)
    return {
        "enable_lora": True,
        "max_loras": at_once,
        # Every request in the engine may be on another one.
        "max_cpu_loras": max(pool.slots, at_once, _RESIDENT_LORAS),
        "max_lora_rank": fitting[0],
    }


def takes_adapters(pool: PoolSettings) -> bool:
    """Tell whether a pool's engine takes adapters: its owner may turn them off."""
    return bool(pool.engine.get("enable_lora", True))


def max_rank(adapters: Sequence[Adapter], pool: PoolSettings) -> int:
    """Return the highest rank of an adapter that a pool takes; 0 where it takes none.

    Args:
        adapters: Those that the tasks' files name, which are always taken.
        pool: May name the highest rank.
    """
    if not takes_adapters(pool):
        return 0
    named = pool.engine.get("max_lora_rank")
    return int(named or max([_DEFAULT_MAX_RANK, *(adapter.rank for adapter in adapters)]))
