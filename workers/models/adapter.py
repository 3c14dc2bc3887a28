"""LoRA adapters, and the check that one fits the base model, without loading either.

The engine would accept some adapters that do nothing (wrong module names) and die of others (no
directory): every adapter is verified here first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from schemas.failure import FailureCode
from settings.adapter_config import ADAPTER_CONFIG, read_adapter_config
from workers.errors import StageError
from workers.models.safetensors import Tensor, WeightsError, digest, read_header

WEIGHTS = "adapter_model.safetensors"

_HALF = re.compile(r"^(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<half>[AB])\.weight$")
_FLOATS = frozenset({"F16", "BF16", "F32"})
_PACKED = frozenset({"qweight", "weight_packed"})
_PLAIN_STARTS = frozenset({"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
_UNSERVED = {
    "use_dora": "it is a DoRA adapter",
    "lora_bias": "it has LoRA biases",
    "alora_invocation_tokens": "it is an activated LoRA",
    "layer_replication": "it replicates layers",
    "use_qalora": "it is a QALoRA adapter",
    "use_bdlora": "it is a block-diagonal LoRA",
    "modules_to_save": "it replaces whole modules (modules_to_save)",
}


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter that has been verified against the base model."""

    name: str
    path: Path
    sha256: str
    rank: int


def verify_adapter(path: Path, base_dir: Path, max_rank: int) -> Adapter:
    """Return the adapter of a directory, if it can run on a base model.

    Args:
        path: Directory with `adapter_config.json` and `adapter_model.safetensors`.
        base_dir: The base model, with its config and weights.
        max_rank: Maximum rank that the pool takes.

    Raises:
        StageError: `adapter.missing` or `adapter.invalid`; the message gives the reason.
    """
    path = path.absolute()
    for name in (ADAPTER_CONFIG, WEIGHTS):
        if not (path / name).is_file():
            raise StageError(FailureCode.ADAPTER_MISSING, f"Adapter {path} has no {name}.")
    config = _read_config(path)
    _check_config(path, config, max_rank)
    try:
        rank = _check_tensors(path, read_header(path / WEIGHTS), _base_shapes(base_dir))
        sha256 = digest([path / ADAPTER_CONFIG, path / WEIGHTS])
    except (WeightsError, OSError) as error:
        raise StageError(FailureCode.ADAPTER_INVALID, f"Adapter {path}: {error}") from error
    rank = max(rank, int(config["r"]))
    if rank > max_rank:
        _refuse(path, f"its rank is {rank}, and the pool takes {max_rank} at most")
    return Adapter(name=f"{path.name}-{sha256[:12]}", path=path, sha256=sha256, rank=rank)


def _refuse(path: Path, problem: str) -> NoReturn:
    raise StageError(FailureCode.ADAPTER_INVALID, f"Adapter {path}: {problem}.")


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        return read_adapter_config(path)
    except (OSError, ValueError) as error:
        _refuse(path, f"{ADAPTER_CONFIG} cannot be read: {error}")


def _check_config(path: Path, config: Mapping[str, Any], max_rank: int) -> None:
    if config.get("peft_type") != "LORA":
        _refuse(path, f"its peft_type is {config.get('peft_type')!r}, not 'LORA'")
    for key, problem in _UNSERVED.items():
        if config.get(key):
            _refuse(path, f"{problem}, which the engine does not serve")
    if config.get("bias", "none") != "none":
        _refuse(path, f"its bias is {config['bias']!r}, and the engine serves only 'none'")
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower() not in _PLAIN_STARTS:
        _refuse(path, f"its init_lora_weights {start!r} changes the base model's weights")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        _refuse(path, f"its rank r is {rank!r}")
    if rank > max_rank:
        _refuse(path, f"its rank is {rank}, and the pool takes {max_rank} at most")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool):
        _refuse(path, f"its lora_alpha is {alpha!r}")
    if not config.get("target_modules"):
        _refuse(path, "it names no target_modules")


def _check_tensors(
    path: Path, tensors: Mapping[str, Tensor], base: Mapping[str, tuple[int, int] | None]
) -> int:
    """Check that each tensor belongs to a layer of the base; return the highest rank."""
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _HALF.match(name)
        if match is None:
            _refuse(path, f"tensor {name} is neither a lora_A nor a lora_B weight")
        if tensor.dtype not in _FLOATS or not _is_matrix(tensor):
            _refuse(path, f"tensor {name} is {tensor.dtype} of shape {list(tensor.shape)}")
        halves.setdefault(match["module"], {})[match["half"]] = tensor
    if not halves:
        _refuse(path, "it has no tensors")
    return max(_check_module(path, module, pair, base) for module, pair in halves.items())


def _check_module(
    path: Path,
    module: str,
    pair: Mapping[str, Tensor],
    base: Mapping[str, tuple[int, int] | None],
) -> int:
    key = _layer_key(module)
    if key not in base:
        _refuse(path, f"the base model has no layer {module}")
    if len(pair) != len("AB"):
        _refuse(path, f"{module} lacks its lora_{'B' if 'A' in pair else 'A'}")
    (rank, inputs), (outputs, rank_b) = pair["A"].shape, pair["B"].shape
    if rank != rank_b:
        _refuse(path, f"{module} has lora_A of rank {rank} and lora_B of rank {rank_b}")
    shape = base[key]
    if shape is not None and shape != (outputs, inputs):
        _refuse(
            path,
            f"{module} is {inputs} to {outputs}, and the base model's is {shape[1]} to {shape[0]}",
        )
    return rank


def _base_shapes(base_dir: Path) -> dict[str, tuple[int, int] | None]:
    """Return the base's linear layers: outputs and inputs, or None for packed weights."""
    files = sorted(base_dir.glob("*.safetensors"))
    if not files:
        raise WeightsError(f"the base model {base_dir} has no safetensors to compare with.")
    return dict(layer for file in files for layer in _layers(read_header(file)))


def _layers(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, tuple[int, int] | None]]:
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind in _PACKED:
            yield _layer_key(module), None
        elif kind == "weight" and _is_matrix(tensor):
            plain = tensor.dtype in _FLOATS or tensor.dtype.startswith("F8")
            yield _layer_key(module), (tensor.shape[0], tensor.shape[1]) if plain else None


def _is_matrix(tensor: Tensor) -> bool:
    return len(tensor.shape) == len(("outputs", "inputs"))


def _layer_key(module: str) -> str:
    """Return a layer's name without the prefix that differs between checkpoints."""
    start = module.find("layers.")
    return module[start:] if start >= 0 else module.rpartition(".")[2]
