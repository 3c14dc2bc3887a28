"""The check of a pool's engine arguments against its GPU kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from settings.gpus.abilities import (
    ATTENTION_BACKENDS,
    DTYPE_ALIASES,
    DTYPES,
    KV_CACHE_DTYPES,
    QUANTIZATIONS,
    Need,
)
from settings.gpus.errors import GpuSettingError
from settings.gpus.kind import GpuKind
from settings.gpus.rope import check_rope
from settings.gpus.speculation import check_speculation
from settings.gpus.table import GPU_KINDS

_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_SHOWN_KINDS = 6


def check_engine(kind: GpuKind, engine: Mapping[str, Any], max_model_len: int) -> None:
    """Check engine arguments, before an engine starts.

    Args:
        kind: The pool's GPU kind.
        engine: Arguments of vLLM's AsyncEngineArgs, by name.
        max_model_len: Tokens of the pool's context.

    Raises:
        GpuSettingError: A value is unknown, or this kind cannot do it; the message names the
            combination and what to choose.
    """
    dtype = str(engine.get("dtype", "auto"))
    check_value(kind, "dtype", DTYPE_ALIASES.get(dtype, dtype), DTYPES)
    if (method := engine.get("quantization")) is not None:
        check_quantization(kind, method, dtype)
    check_value(kind, "kv_cache_dtype", engine.get("kv_cache_dtype", "auto"), KV_CACHE_DTYPES)
    _check_attention(kind, engine)
    for name in _SIZES:
        _check_size(kind, name, engine.get(name, 1))
    if (speculation := engine.get("speculative_config")) is not None:
        check_speculation(speculation)
    check_rope(engine.get("hf_overrides"), max_model_len)


def check_quantization(kind: GpuKind, method: object, dtype: str = "auto") -> None:
    """Check a method of quantization.

    Args:
        kind: The pool's GPU kind.
        method: Its name in vLLM.
        dtype: The engine's dtype.

    Raises:
        GpuSettingError: See `check_engine`.
    """
    check_value(kind, "quantization", method, QUANTIZATIONS)
    dtype = DTYPE_ALIASES.get(dtype, dtype)
    dtypes = QUANTIZATIONS[str(method)].dtypes
    if dtype != "auto" and dtypes and dtype not in dtypes:
        able = [one for one in dtypes if DTYPES[one].met_by(kind)]
        raise GpuSettingError(
            f"engine.quantization {method!r} does not go with engine.dtype {dtype!r}: choose "
            f"dtype {_either(able or ['auto'])}."
        )


def check_value(kind: GpuKind, setting: str, value: object, needs: Mapping[str, Need]) -> None:
    """Check one value.

    Args:
        kind: The pool's GPU kind.
        setting: Name of the engine argument.
        value: Its value.
        needs: What each of its values needs.

    Raises:
        GpuSettingError: See `check_engine`.
    """
    need = needs.get(value) if isinstance(value, str) else None
    if need is None:
        close = difflib.get_close_matches(str(value), needs, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise GpuSettingError(
            f"engine.{setting} is {value!r}, which is not known.{hint} "
            f"Known are: {', '.join(needs)}."
        )
    if need.met_by(kind):
        return
    has = f" (compute capability {kind.capability})" if kind.capability else ""
    raise GpuSettingError(
        f"engine.{setting} {value!r} does not run on {_article(kind.name)}{has}: it needs "
        f"{need.words()}. {_way_out(kind, setting, need, needs)}"
    )


def _way_out(kind: GpuKind, setting: str, need: Need, needs: Mapping[str, Need]) -> str:
    able = [name for name, one in needs.items() if one.advised and one.met_by(kind)]
    weights = "weights quantized as" if setting == "quantization" else setting
    choices = [f"{weights} {_either(able)}"] if able else []
    gpus = [one for one in GPU_KINDS.values() if not one.is_cpu and not one.is_other]
    kinds = [one.name for one in gpus if need.met_by(one)]
    if kinds:
        more = " or another of docs/gpus.md" if len(kinds) > _SHOWN_KINDS else ""
        choices.append(f"a pool on {', '.join(kinds[:_SHOWN_KINDS])}{more}")
    return f"Choose {'; or '.join(choices)}." if choices else f"Leave {setting} out."


def _either(names: Iterable[str]) -> str:
    return " or ".join(repr(name) for name in names)


def _article(name: str) -> str:
    if name == "CPU":
        return "the CPU"
    return f"{'an' if name[0] in 'AHLR' else 'a'} {name}"


def _check_attention(kind: GpuKind, engine: Mapping[str, Any]) -> None:
    config = engine.get("attention_config")
    inner = config.get("backend") if isinstance(config, Mapping) else None
    for backend in (engine.get("attention_backend"), inner):
        if backend is None:
            continue
        name = str(backend).upper()
        check_value(kind, "attention_backend", name, ATTENTION_BACKENDS)


def _check_size(kind: GpuKind, name: str, size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        hint = (
            f" In a variable, write the table as JSON: ..._ENGINE='{{\"{name}\": {size}}}'."
            if isinstance(size, str)
            else ""
        )
        raise GpuSettingError(f"engine.{name} is {size!r}: choose a whole number from 1 on.{hint}")
    if kind.is_cpu and size > 1:
        raise GpuSettingError(
            f"engine.{name} {size} does not go with gpu 'CPU', whose engine uses all cores at "
            "once: leave it out, or start more workers."
        )
