"""The table of what an engine setting needs of a GPU.

Read from the source of vLLM 0.32, not measured: `get_min_capability` of
`model_executor/layers/quantization`, `supports_compute_capability` of `v1/attention/backends`,
`supported_dtypes` and `supports_fp8` of `platforms/cuda.py`, `CacheDType` of `config/cache.py`. A
contract test holds the names and the floors of quantizations to the installed vLLM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from settings.gpus.kind import Capability, GpuKind

_NO_FLOOR = Capability(0, 0)


@dataclass(frozen=True, slots=True)
class Need:
    """Needs of a value of a setting.

    Attributes:
        floor: Lowest compute capability.
        majors: Only these architectures, by the first number of their capability; none for all.
        on_gpu: True when it runs on NVIDIA's GPUs.
        on_cpu: True when it runs on the CPU.
        dtypes: Only with these dtypes; none for all.
        advised: True when an error may name it as the way out.
    """

    floor: Capability = _NO_FLOOR
    majors: tuple[int, ...] = ()
    on_gpu: bool = True
    on_cpu: bool = False
    dtypes: tuple[str, ...] = ()
    advised: bool = False

    def met_by(self, kind: GpuKind) -> bool:
        """Tell whether a kind has what it takes; an unknown kind is believed."""
        if kind.is_cpu:
            return self.on_cpu
        if kind.capability is None:
            return self.on_gpu
        fits = not self.majors or kind.capability.major in self.majors
        return self.on_gpu and fits and kind.capability >= self.floor

    def words(self) -> str:
        """Return it in words."""
        if not self.on_gpu:
            return "the CPU" if self.on_cpu else "a device of another maker"
        if self.majors:
            return "compute capability " + " or ".join(f"{major}.x" for major in self.majors)
        if self.floor > _NO_FLOOR:
            return f"compute capability {self.floor} or higher"
        return "a GPU"


_ALL = Need(on_cpu=True, advised=True)
_CPU_ONLY = Need(on_gpu=False, on_cpu=True)
_ELSEWHERE = Need(on_gpu=False)
_V70, _V75, _V80 = Capability(7, 0), Capability(7, 5), Capability(8, 0)
_V89, _V90, _V100 = Capability(8, 9), Capability(9, 0), Capability(10, 0)
_HALVES = ("float16", "bfloat16")
_BF16 = ("bfloat16",)

DTYPES: Mapping[str, Need] = {
    "auto": _ALL,
    "float16": _ALL,
    "bfloat16": Need(_V80, on_cpu=True, advised=True),
    "float32": Need(on_cpu=True),
}
"""Of `dtype`; `half` and `float` are other names of two."""

DTYPE_ALIASES: Mapping[str, str] = {"half": "float16", "float": "float32"}

QUANTIZATIONS: Mapping[str, Need] = {
    "awq_marlin": Need(_V75, on_cpu=True, dtypes=_HALVES, advised=True),
    "awq": Need(_V75, on_cpu=True, dtypes=_HALVES, advised=True),
    "auto_awq": Need(_V75, on_cpu=True, dtypes=_HALVES),
    "gptq_marlin": Need(_V75, on_cpu=True, dtypes=_HALVES, advised=True),
    "gptq": Need(Capability(6, 0), on_cpu=True, dtypes=_HALVES, advised=True),
    "auto_gptq": Need(Capability(6, 0), on_cpu=True, dtypes=_HALVES),
    "compressed-tensors": Need(_V70, on_cpu=True, advised=True),
    "fp8": Need(_V75, on_cpu=True, dtypes=_HALVES, advised=True),
    "fp8_per_tensor": Need(_V75, dtypes=_HALVES),
    "fp8_per_block": Need(_V75, dtypes=_HALVES),
    "fp8_per_channel": Need(_V75, dtypes=_HALVES),
    "int8_per_channel_weight_only": Need(_V75, on_cpu=True, dtypes=_HALVES),
    "online": Need(_V75, on_cpu=True, dtypes=_HALVES),
    "fbgemm_fp8": Need(_V80, dtypes=_HALVES),
    "fp_quant": Need(_V100, dtypes=_BF16),
    "modelopt": Need(_V80, dtypes=_HALVES),
    "modelopt_fp4": Need(_V75, dtypes=_HALVES),
    "modelopt_mxfp8": Need(_V80, dtypes=_BF16),
    "modelopt_mixed": Need(_V75, dtypes=_HALVES),
    "nvfp4_per_token": Need(_V75, dtypes=_HALVES),
    "mxfp8": Need(_V75, dtypes=_HALVES),
    "mxfp4": Need(_V80, dtypes=_BF16),
    "gpt_oss_mxfp4": Need(_V80, dtypes=_BF16),
    "deepseek_v4_fp8": Need(_V75, dtypes=_HALVES),
    "humming": Need(_V75, dtypes=_HALVES),
    "experts_int8": Need(_V80, dtypes=_HALVES),
    "moe_wna16": Need(_V70, dtypes=_HALVES),
    "quark": Need(_V70, on_cpu=True, dtypes=_HALVES),
    "torchao": Need(_V75, on_cpu=True),
    "inc": Need(Capability(6, 0), on_cpu=True, dtypes=_HALVES),
}
"""Of `quantization`, and of the `quant_method` of a model's config.json."""

KV_CACHE_DTYPES: Mapping[str, Need] = {
    "auto": _ALL,
    "float16": Need(),
    "bfloat16": Need(_V80),
    "fp8": Need(_V89, on_cpu=True),
    "fp8_e4m3": Need(_V89, on_cpu=True),
    "fp8_e5m2": Need(_V89, on_cpu=True),
    "fp8_per_token_head": Need(_V89),
    "int8_per_token_head": Need(_V75),
    "int4_per_token_head": Need(_V75),
    "nvfp4": Need(_V100),
    "nvfp4_4over6": Need(_V100),
    "fp8_ds_mla": Need(_V90),
    "nvfp4_ds_mla": Need(_V100),
    "turboquant_k8v4": Need(_V80),
    "turboquant_4bit_nc": Need(_V80),
    "turboquant_k3v4_nc": Need(_V80),
    "turboquant_3bit_nc": Need(_V80),
    "ultraquant_4bit": Need(_V80),
    "fp8_inc": _ELSEWHERE,
}
"""Of `kv_cache_dtype`. FP8 is converted in hardware from Ada (8.9) on."""

ATTENTION_BACKENDS: Mapping[str, Need] = {
    "FLASH_ATTN": Need(_V80, advised=True),
    "FLASHINFER": Need(_V80, advised=True),
    "TRITON_ATTN": Need(advised=True),
    "FLEX_ATTENTION": Need(),
    "FLASH_ATTN_DIFFKV": Need(_V80),
    "TRITON_ATTN_DIFFKV": Need(),
    "TRITON_FLASH_ATTN": Need(_V80),
    "TRITON_FLASHINFER": Need(_V80),
    "TRITON_MLA": Need(),
    "FLASH_ATTN_MLA": Need(majors=(9,)),
    "FLASHMLA": Need(majors=(9, 10)),
    "FLASHINFER_MLA": Need(majors=(10,)),
    "CUTLASS_MLA": Need(majors=(10,)),
    "TOKENSPEED_MLA": Need(majors=(10,)),
    "HPC_ATTN": Need(majors=(9,)),
    "B12X": Need(majors=(12,)),
    "CPU_ATTN": Need(on_gpu=False, on_cpu=True, advised=True),
    "CPU_MLA": _CPU_ONLY,
    "AMX_MLA": _CPU_ONLY,
}
"""Of `attention_backend`; names that begin with ROCM or XPU are for other makers' devices."""
