"""The check of `speculative_config`.

Names are those of vLLM 0.32's `config/speculative.py`; a contract test holds them to the installed
vLLM.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from settings.gpus.errors import GpuSettingError

METHODS = frozenset(
    {
        "ngram",
        "ngram_gpu",
        "draft_model",
        "suffix",
        "medusa",
        "mlp_speculator",
        "eagle",
        "eagle3",
        "mtp",
        "dflash",
        "dspark",
        "extract_hidden_states",
        "custom_class",
    }
)
"""Methods of speculative decoding; the `..._mtp` methods of single models come on top."""

KEYS = frozenset(
    {
        "method",
        "model",
        "num_speculative_tokens",
        "prompt_lookup_max",
        "prompt_lookup_min",
        "draft_tensor_parallel_size",
        "quantization",
        "max_model_len",
        "revision",
        "code_revision",
        "enforce_eager",
        "attention_backend",
        "moe_backend",
        "kv_cache_dtype",
        "disable_padded_drafter_batch",
        "disable_eagle_block_drop",
        "use_local_argmax_reduction",
        "use_heterogeneous_vocab",
        "parallel_drafting",
        "index_share_for_mtp_iteration",
        "num_speculative_tokens_per_batch_size",
        "suffix_decoding_max_tree_depth",
        "suffix_decoding_max_cached_requests",
        "suffix_decoding_max_spec_factor",
        "suffix_decoding_min_token_prob",
        "draft_load_config",
        "draft_sample_method",
        "rejection_sample_method",
        "enable_adaptive_verification",
    }
)

_WITHOUT_MODEL = frozenset({"ngram", "ngram_gpu", "suffix", "mtp"})
_COUNTS = ("num_speculative_tokens", "prompt_lookup_max", "prompt_lookup_min")


def check_speculation(config: object) -> None:
    """Check a `speculative_config`.

    Args:
        config: As in the fleet's file.

    Raises:
        GpuSettingError: It is no table, or a key, a method or a number in it is wrong.
    """
    if not isinstance(config, Mapping):
        raise GpuSettingError(
            "engine.speculative_config is a table, such as "
            '{ method = "ngram", num_speculative_tokens = 5, prompt_lookup_max = 4 }.'
        )
    for key in config:
        if key not in KEYS:
            raise GpuSettingError(
                f"engine.speculative_config.{key}: vLLM has no such key.{_hint(str(key), KEYS)}"
            )
    _check_method(config)
    for name in _COUNTS:
        count = config.get(name)
        if count is not None and (not isinstance(count, int) or count < 1):
            raise GpuSettingError(
                f"engine.speculative_config.{name} is {count!r}: choose a whole number from 1 on."
            )
    low, high = config.get("prompt_lookup_min"), config.get("prompt_lookup_max")
    if low is not None and high is not None and low > high:
        raise GpuSettingError(
            f"engine.speculative_config: prompt_lookup_min is {low} and prompt_lookup_max {high}: "
            "choose a minimum that is no higher."
        )


def _check_method(config: Mapping[str, object]) -> None:
    method, model = config.get("method"), config.get("model")
    if method is None and model is None:
        raise GpuSettingError(
            "engine.speculative_config names neither a `method` nor a draft `model`: set "
            'method = "ngram", or name a draft model.'
        )
    if method is None:
        return
    if method not in METHODS and not str(method).endswith("_mtp"):
        raise GpuSettingError(
            f"engine.speculative_config.method is {method!r}, which is not known."
            f"{_hint(str(method), METHODS)} Known are: {', '.join(sorted(METHODS))}."
        )
    if model is None and method not in _WITHOUT_MODEL and not str(method).endswith("_mtp"):
        raise GpuSettingError(
            f"engine.speculative_config.method {method!r} needs a `model`: the directory or the "
            "Hugging Face name of its draft model. Without one, choose 'ngram'."
        )
    if method in {"ngram", "ngram_gpu", "draft_model"} and not config.get("num_speculative_tokens"):
        raise GpuSettingError(
            f"engine.speculative_config.method {method!r} needs `num_speculative_tokens`: 5 is "
            "common."
        )


def _hint(name: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
