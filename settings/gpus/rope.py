"""The check of RoPE scaling: `hf_overrides.rope_parameters`.

Types and their keys are those of vLLM 0.32's `model_executor/layers/rotary_embedding`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from settings.gpus.errors import GpuSettingError

_ORIGINAL = "original_max_position_embeddings"
_KEYS_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "ntk": ("factor",),
    "yarn": ("factor", _ORIGINAL),
    "deepseek_yarn": ("factor", _ORIGINAL),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", _ORIGINAL),
    "longrope": ("short_factor", "long_factor", _ORIGINAL),
}
"""Keys that each type needs, by type."""

_EXAMPLE = (
    '{ rope_parameters = { rope_type = "yarn", rope_theta = 1000000.0, factor = 4.0, '
    f"{_ORIGINAL} = 32768 }} }}"
)


def check_rope(overrides: object, max_model_len: int) -> None:
    """Check the RoPE scaling in a pool's `hf_overrides`.

    Args:
        overrides: `hf_overrides` as in the fleet's file, or None.
        max_model_len: Tokens of the pool's context.

    Raises:
        GpuSettingError: A type, a key or a number is wrong, or the scaled context is shorter than
            the pool's.
    """
    if overrides is None:
        return
    if not isinstance(overrides, Mapping):
        raise GpuSettingError(f"engine.hf_overrides is a table, such as {_EXAMPLE}.")
    if "rope_scaling" in overrides:
        raise GpuSettingError(
            "engine.hf_overrides.rope_scaling is the old name: write `rope_parameters`, with "
            "`rope_type` and the model's `rope_theta` in it."
        )
    rope = overrides.get("rope_parameters")
    if rope is None:
        return
    if not isinstance(rope, Mapping):
        raise GpuSettingError(f"engine.hf_overrides is a table of tables, such as {_EXAMPLE}.")
    _check_parameters(rope, max_model_len)


def _check_parameters(rope: Mapping[str, object], max_model_len: int) -> None:
    place = "engine.hf_overrides.rope_parameters"
    kind = rope.get("rope_type", "default")
    needed = _KEYS_OF_TYPE.get(kind) if isinstance(kind, str) else None
    if needed is None:
        close = difflib.get_close_matches(str(kind), _KEYS_OF_TYPE, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise GpuSettingError(
            f"{place}.rope_type is {kind!r}, which is not known.{hint} "
            f"Known are: {', '.join(_KEYS_OF_TYPE)}."
        )
    if missing := [key for key in needed if key not in rope]:
        raise GpuSettingError(f"{place}: rope_type {kind!r} needs `{'`, `'.join(missing)}` too.")
    factor, original = rope.get("factor"), rope.get(_ORIGINAL)
    if factor is not None and (not _is_number(factor) or float(str(factor)) < 1):
        raise GpuSettingError(f"{place}.factor is {factor!r}: choose a number from 1 on.")
    if original is not None and (not isinstance(original, int) or original < 1):
        raise GpuSettingError(f"{place}.{_ORIGINAL} is {original!r}: it is a number of tokens.")
    if factor is not None and original is not None:
        reach = int(float(str(factor)) * int(str(original)))
        if reach < max_model_len:
            raise GpuSettingError(
                f"max_model_len {max_model_len} is more than {place} gives, which is {factor} "
                f"times {original} = {reach} tokens: choose a higher factor, or a context of "
                f"at most {reach}."
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
