"""GPU kinds: their names, and the engine settings that each of them can run."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from settings.gpus.kind import Capability
from settings.gpus.names import find_kind, known_kind
from settings.gpus.table import GPU_KINDS
from settings.sections.pools import PoolSettings

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0}
NGRAM = {"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_max": 4}


def _pool(gpu: str, max_model_len: int = 8192, **engine: Any) -> PoolSettings:
    return PoolSettings(model="claims", gpu=gpu, max_model_len=max_model_len, engine=engine)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("H100", "H100-80GB"),
        ("h100 80gb", "H100-80GB"),
        ("a100", "A100-80GB"),
        ("A100_40GB", "A100-40GB"),
        ("rtx3090", "RTX-3090"),
        ("4090", "RTX-4090"),
        ("cpu", "CPU"),
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA A100 80GB PCIe", "A100-80GB"),
        ("NVIDIA A100-PCIE-40GB", "A100-40GB"),
        ("NVIDIA H100 80GB HBM3", "H100-80GB"),
        ("NVIDIA H100 PCIe", "H100-80GB"),
        ("NVIDIA H100 NVL", "H100-NVL"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA B200", "B200"),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100-16GB"),
        ("Tesla V100-SXM2-32GB", "V100-32GB"),
        ("NVIDIA A30", "A30"),
        ("NVIDIA A40", "A40"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA GeForce RTX 3090 Ti", "RTX-3090"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
    ],
)
def test_a_kind_is_known_by_the_names_that_people_and_the_driver_give_it(
    name: str, kind: str
) -> None:
    """A pool keeps the name of the table."""
    assert _pool(name).gpu == kind
    assert find_kind(GPU_KINDS[kind].name) is GPU_KINDS[kind]


def test_an_unknown_kind_is_refused_with_the_known_ones_and_the_closest() -> None:
    """The letter O is no zero."""
    with pytest.raises(ValueError, match=r"'H10O' is not known\. Did you mean 'H100-80GB'\?") as it:
        known_kind("H10O")
    assert all(name in str(it.value) for name in GPU_KINDS)
    assert find_kind("NVIDIA A100-SXM4-80GB MIG 3g.40gb") is None, "a slice is no whole GPU"


def test_each_gpu_has_a_capability_a_memory_a_concurrency_and_a_source() -> None:
    """Only the CPU and the kinds outside of the table do without."""
    for kind in GPU_KINDS.values():
        assert kind.source
        if not kind.is_cpu and not kind.is_other:
            assert kind.capability is not None
            assert kind.capability >= Capability(7, 0)
            assert kind.memory_bytes >= 16 * 10**9
            assert kind.concurrency


@pytest.mark.parametrize(
    ("gpu", "engine"),
    [
        ("T4", {"dtype": "float16", "quantization": "awq"}),
        ("T4", {"quantization": "fp8", "attention_backend": "TRITON_ATTN"}),
        ("T4", {"dtype": "half"}),
        ("V100", {"quantization": "gptq"}),
        ("V100", {"quantization": "compressed-tensors", "dtype": "float32"}),
        ("A100", {"dtype": "bfloat16", "quantization": "awq_marlin"}),
        ("A100", {"attention_backend": "flash_attn", "kv_cache_dtype": "bfloat16"}),
        ("L4", {"kv_cache_dtype": "fp8", "attention_config": {"backend": "FLASHINFER"}}),
        ("H100", {"kv_cache_dtype": "fp8_e4m3", "tensor_parallel_size": 8}),
        ("H100", {"attention_backend": "FLASH_ATTN_MLA"}),
        ("B200", {"kv_cache_dtype": "nvfp4", "quantization": "fp_quant"}),
        ("CPU", {"dtype": "bfloat16", "quantization": "awq", "kv_cache_dtype": "fp8"}),
        ("CPU", {"attention_backend": "CPU_ATTN", "speculative_config": NGRAM}),
        ("L4", {"speculative_config": {"model": "tiny", "num_speculative_tokens": 3}}),
        ("L4", {"speculative_config": {"method": "deepseek_mtp", "num_speculative_tokens": 1}}),
        ("L4", {"hf_overrides": {"rope_parameters": YARN}}),
        ("L4", {"hf_overrides": {"architectures": ["X"]}}),
    ],
)
def test_what_a_kind_can_do_passes(gpu: str, engine: dict[str, Any]) -> None:
    """The arguments reach vLLM as they are."""
    assert _pool(gpu, **engine).engine == engine


@pytest.mark.parametrize(
    ("gpu", "engine", "words"),
    [
        (
            "T4",
            {"dtype": "bfloat16"},
            r"'bfloat16' does not run on a T4 \(compute capability 7\.5\): it needs .*8\.0 or high",
        ),
        (
            "T4",
            {"dtype": "bfloat16"},
            r"Choose dtype 'auto' or 'float16'; or a pool on A100",
        ),
        ("V100", {"dtype": "bfloat16"}, "on a V100-16GB .*7.0"),
        ("T4", {"kv_cache_dtype": "fp8"}, "'fp8' does not run on a T4 .*8.9.*'auto'.* L4"),
        ("A100", {"kv_cache_dtype": "fp8_e5m2"}, "does not run on an A100-80GB.*8.9"),
        ("RTX-3090", {"kv_cache_dtype": "fp8"}, "does not run on an RTX-3090"),
        ("H100", {"kv_cache_dtype": "nvfp4"}, "does not run on an H100-80GB.*10.0.*B200"),
        ("V100", {"quantization": "awq"}, r"'awq' does not run on a V100-16GB.*'gptq' or 'compr"),
        ("V100", {"quantization": "fp8"}, "'fp8' does not run on a V100-16GB"),
        ("L4", {"quantization": "nonsense"}, "'nonsense', which is not known.*Known are: awq_m"),
        ("L4", {"quantization": "awq_marlim"}, "Did you mean 'awq_marlin'"),
        ("T4", {"quantization": "awq", "dtype": "float32"}, "choose dtype 'float16'"),
        ("CPU", {"quantization": "mxfp4"}, "'mxfp4' does not run on the CPU"),
        ("L4", {"dtype": "bfloat61"}, "Did you mean 'bfloat16'"),
        ("L4", {"kv_cache_dtype": 8}, "engine.kv_cache_dtype is 8, which is not known"),
        ("T4", {"attention_backend": "FLASH_ATTN"}, "'FLASH_ATTN' does not run on a T4.*TRITON"),
        ("A100", {"attention_backend": "FLASHMLA"}, "capability 9.x or 10.x"),
        ("L4", {"attention_backend": "CPU_ATTN"}, "needs the CPU"),
        ("CPU", {"attention_backend": "FLASH_ATTN"}, "does not run on the CPU.*'CPU_ATTN'"),
        ("L4", {"attention_config": {"backend": "ROCM_ATTN"}}, "'ROCM_ATTN', which is not known"),
        ("L4", {"tensor_parallel_size": 0}, "tensor_parallel_size is 0: choose a whole number"),
        ("L4", {"tensor_parallel_size": "2"}, "tensor_parallel_size is '2': .*as JSON"),
        ("CPU", {"tensor_parallel_size": 2}, "does not go with gpu 'CPU'"),
        ("L4", {"speculative_config": "ngram"}, "speculative_config is a table, such as"),
        ("L4", {"speculative_config": {}}, "names neither a `method` nor a draft `model`"),
        ("L4", {"speculative_config": {"methd": "ngram"}}, "methd: .*Did you mean 'method'"),
        ("L4", {"speculative_config": {"method": "ngrm"}}, "'ngrm', .*Did you mean 'ngram'"),
        ("L4", {"speculative_config": {"method": "ngram"}}, "needs `num_speculative_tokens`"),
        ("L4", {"speculative_config": {"method": "draft_model"}}, "needs a `model`"),
        ("L4", {"speculative_config": NGRAM | {"num_speculative_tokens": -1}}, "is -1: choose"),
        ("L4", {"speculative_config": NGRAM | {"prompt_lookup_min": 9}}, "a minimum that is no"),
        ("L4", {"hf_overrides": "yarn"}, "hf_overrides is a table, such as"),
        ("L4", {"hf_overrides": {"rope_scaling": YARN}}, "old name: write `rope_parameters`"),
        ("L4", {"hf_overrides": {"rope_parameters": "yarn"}}, "table of tables"),
        (
            "L4",
            {"hf_overrides": {"rope_parameters": YARN | {"rope_type": "yarm"}}},
            "'yarm', which is not known. Did you mean 'yarn'",
        ),
        ("L4", {"hf_overrides": {"rope_parameters": LLAMA3}}, "needs `low_freq_factor`, `high_"),
        (
            "L4",
            {"hf_overrides": {"rope_parameters": YARN | {"factor": 0.5}}},
            "factor is 0.5: choose a number from 1 on",
        ),
        (
            "L4",
            {"hf_overrides": {"rope_parameters": YARN | {"original_max_position_embeddings": 0}}},
            "is 0: it is a number of tokens",
        ),
    ],
)
def test_what_a_kind_cannot_do_is_refused_with_the_combination_and_the_way_out(
    gpu: str, engine: dict[str, Any], words: str
) -> None:
    """Before an engine starts, and in one line."""
    with pytest.raises(ValidationError, match=words) as caught:
        _pool(gpu, **engine)
    assert "\n" not in caught.value.errors()[0]["msg"]


def test_a_context_beyond_the_scaled_one_is_refused() -> None:
    """Four times 32,768 tokens are 131,072."""
    rope = {"rope_parameters": YARN}
    assert _pool("L4", 131_072, hf_overrides=rope).max_model_len == 131_072
    with pytest.raises(ValidationError, match=r"131073 is more than .*at most 131072"):
        _pool("L4", 131_073, hf_overrides=rope)


def test_a_kind_outside_of_the_table_is_believed_and_its_owner_sets_the_concurrency() -> None:
    """Names are checked all the same; its limits are read from the device at start."""
    pool = PoolSettings(model="m", gpu="other", concurrency=6, engine={"kv_cache_dtype": "fp8"})
    assert pool.slots == 6
    with pytest.raises(ValidationError, match="'nonsense', which is not known"):
        PoolSettings(model="m", gpu="other", concurrency=6, engine={"quantization": "nonsense"})
