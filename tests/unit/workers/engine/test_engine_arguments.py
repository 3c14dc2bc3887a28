"""Arguments of a pool's engine, and the dtype of a processor."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from settings.sections.pools import PoolSettings
from workers.engine.vllm.arguments import (
    VllmBuild,
    engine_arguments,
    max_rank,
    resident_adapters,
)
from workers.engine.vllm.processor import cpu_dtype, read_flags
from workers.errors import EngineStartError
from workers.models.adapter import Adapter
from workers.models.base_model import quantization_method

LAPTOP = "fpu sse4_2 fma avx2 f16c sha_ni"
AVX512 = f"{LAPTOP} avx512f avx512bw avx512_vnni"
COOPER_LAKE = f"{AVX512} avx512_bf16"
SAPPHIRE_RAPIDS = f"{AVX512} amx_bf16 amx_tile"


def _pool(gpu: str = "CPU", concurrency: int = 0, **engine: Any) -> PoolSettings:
    return PoolSettings(model="small", gpu=gpu, concurrency=concurrency, engine=engine)


def _arguments(
    flags: Collection[str],
    *,
    gpu: str = "CPU",
    concurrency: int = 0,
    quantization: str | None = None,
    **engine: Any,
) -> dict[str, Any]:
    pool = _pool(gpu, concurrency, **engine)
    on_cpu = gpu == "CPU"
    names = {"dtype", "quantization", "enable_lora", "max_cpu_loras", "max_lora_rank"}
    build = VllmBuild(names, lora_ranks=(8, 16), on_cpu=on_cpu, processor_flags=flags)
    return engine_arguments(Path("model"), "cpu", pool, [], build, quantization=quantization)


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("", "float32"),
        (LAPTOP, "float32"),
        (AVX512, "float32"),
        (COOPER_LAKE, "bfloat16"),
        (SAPPHIRE_RAPIDS, "bfloat16"),
        ("fp asimd i8mm", "float32"),
        ("fp asimd i8mm bf16", "bfloat16"),
    ],
)
def test_a_processor_computes_bfloat16_only_where_it_can(flags: str, dtype: str) -> None:
    """Everywhere else it would emulate it."""
    assert cpu_dtype(flags.split()) == dtype
    assert _arguments(flags.split())["dtype"] == dtype


def test_the_pool_can_say_another_dtype() -> None:
    """The owner's word stands over the default."""
    assert _arguments(LAPTOP.split(), dtype="bfloat16")["dtype"] == "bfloat16"


def test_a_gpu_and_a_quantised_model_choose_for_themselves() -> None:
    """A T4 takes float16 only, and a quantisation method has dtypes of its own."""
    flags = COOPER_LAKE.split()
    assert "dtype" not in _arguments(flags, gpu="T4")
    assert "dtype" not in _arguments(flags, quantization="awq")
    assert "dtype" not in _arguments(flags, quantization="")
    assert "dtype" not in _arguments(flags, quantization="awq")


def test_an_engine_keeps_room_for_adapters_that_may_come_later() -> None:
    """For each of its slots one, so that no request waits for another one's adapter."""
    arguments = _arguments((), gpu="T4", concurrency=32)
    assert arguments["enable_lora"]
    assert (arguments["max_loras"], arguments["max_cpu_loras"]) == (8, 32)
    assert arguments["max_lora_rank"] == 16
    few = _arguments((), gpu="T4", concurrency=2)
    assert (few["max_loras"], few["max_cpu_loras"]) == (2, 16)


@pytest.mark.parametrize(
    ("engine", "residents"), [({}, 4), ({"max_cpu_loras": 3}, 4), ({"max_cpu_loras": 9}, 9)]
)
def test_on_a_cpu_a_slot_for_adapters_stays_empty(engine: dict[str, Any], residents: int) -> None:
    """The weights of the last slot would be those of requests on the base."""
    arguments = _arguments(LAPTOP.split(), concurrency=4, **engine)
    assert resident_adapters(arguments, on_cpu=True) == residents
    assert arguments["max_loras"] == arguments["max_cpu_loras"] == residents + 1


def test_a_pool_names_its_rank_or_takes_no_adapters() -> None:
    """The owner's word counts, for the engine and for the registry."""
    off = _pool(enable_lora=False)
    assert max_rank([], off) == 0
    assert (
        not {"max_loras", "max_cpu_loras", "max_lora_rank"}
        & _arguments((), enable_lora=False).keys()
    )
    assert max_rank([], _pool(max_lora_rank=8)) == 8
    assert _arguments((), max_lora_rank=8)["max_lora_rank"] == 8
    high = Adapter("a-1", Path("a"), "0" * 64, rank=64)
    assert max_rank([high], _pool()) == 64


@pytest.mark.parametrize(("line", "flag"), [("flags\t\t", "avx2"), ("Features\t", "bf16")])
def test_the_flags_are_read_as_the_kernel_lists_them(tmp_path: Path, line: str, flag: str) -> None:
    """On x86 and on Arm; a kernel that lists nothing is no error."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{line}: fpu {flag}\nbugs\t\t: none\n")
    assert read_flags(cpuinfo) == {"fpu", flag}
    assert read_flags(tmp_path / "nowhere") == frozenset()


@pytest.mark.parametrize(
    ("gpu", "method", "dtype", "words"),
    [
        ("V100", "awq", "auto", "weights of small are quantized: .*'awq' does not run on a V100"),
        ("L4", "fp_quant", "auto", "'fp_quant' does not run on an L4.*capability 10.0"),
        ("L4", "awq", "float32", "'awq' does not go with engine.dtype 'float32'"),
    ],
)
def test_weights_that_the_gpu_cannot_compute_with_are_refused_before_they_are_loaded(
    gpu: str, method: str, dtype: str, words: str
) -> None:
    """Their config names the method; the pool need not."""
    with pytest.raises(EngineStartError, match=words):
        _arguments((), gpu=gpu, quantization=method, dtype=dtype)
    assert _arguments((), gpu="L4", quantization="bitsandbytes"), "vLLM judges other methods"


@pytest.mark.parametrize(
    ("content", "method"),
    [
        ("{", None),
        ("[]", None),
        ("{}", None),
        ('{"quantization_config": null}', None),
        ('{"quantization_config": {}}', ""),
        ('{"quantization_config": {"quant_method": "awq", "bits": 4}}', "awq"),
        ('{"compression_config": {"quant_method": "compressed-tensors"}}', "compressed-tensors"),
    ],
)
def test_a_model_is_quantised_where_its_config_says_so(
    tmp_path: Path, content: str, method: str | None
) -> None:
    """A config that cannot be read says nothing."""
    assert quantization_method(tmp_path) is None
    (tmp_path / "config.json").write_text(content)
    assert quantization_method(tmp_path) == method
