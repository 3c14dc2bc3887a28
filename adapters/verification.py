"""The check that a LoRA adapter fits a base model, without loading either.

The engine would accept some adapters that do nothing (wrong module names) and die of others (no
directory): every adapter is verified here first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from adapters.config import ADAPTER_CONFIG, WEIGHTS, read_adapter_config
from adapters.errors import AdapterInvalidError, AdapterMissingError, WeightsError
from adapters.layers import FLOATS, Layers, is_matrix, layer_key
from adapters.safetensors import Tensor, digest, odd_tensor, read_header

_HALF = re.compile(r"^(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<half>[AB])\.weight$")
_PICKLES = ("adapter_model.bin", "adapter_model.pt", "adapter_model.pth", "adapter_model.pkl")
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
class VerifiedAdapter:
    """Facts of a directory whose adapter fits the base model.

    Attributes:
        sha256: Digest of its config and its weights.
        rank: The highest rank of its modules.
        target_modules: Names of the layers that it changes, without their numbers.
        size: Bytes of both files.
    """

    sha256: str
    rank: int
    target_modules: tuple[str, ...]
    size: int


def verify_adapter(path: Path, layers: Layers | None, max_rank: int) -> VerifiedAdapter:
    """Return the facts of an adapter's directory, if the adapter can run on a base model.

    Args:
        path: Directory with `adapter_config.json` and `adapter_model.safetensors`.
        layers: The linear layers of the base model; None where no one knows them, and then
            they are not compared.
        max_rank: Maximum rank that the pool takes.

    Raises:
        AdapterMissingError: A file is missing.
        AdapterInvalidError: The adapter does not fit; the message gives the reason.
    """
    check_files(path)
    config = _read_config(path)
    _check_config(path, config, max_rank)
    files = [path / ADAPTER_CONFIG, path / WEIGHTS]
    try:
        tensors = read_header(path / WEIGHTS)
        rank, modules = _check_tensors(path, tensors, layers, _named_ranks(config))
        if name := odd_tensor(path / WEIGHTS, tensors):
            _refuse(path, f"tensor {name} has a NaN or an infinity in it")
        sha256, size = digest(files), sum(file.stat().st_size for file in files)
    except (WeightsError, OSError) as error:
        raise AdapterInvalidError(f"Adapter {path}: {error}") from error
    if rank > max_rank:
        _refuse(path, f"its rank is {rank}, and the pool takes {max_rank} at most")
    return VerifiedAdapter(sha256, rank, modules, size)


def check_files(path: Path) -> None:
    """Check that an adapter's files are there, and its weights are no pickle.

    Raises:
        AdapterMissingError: A file is missing.
        AdapterInvalidError: The weights are a pickle.
    """
    for name in (ADAPTER_CONFIG, WEIGHTS):
        if (path / name).is_file():
            continue
        pickles = [one for one in _PICKLES if (path / one).exists()]
        if name == WEIGHTS and pickles:
            _refuse(
                path,
                f"its weights are the pickle {pickles[0]}, which can run code: save them with"
                " safetensors, as `save_pretrained` does by default",
            )
        raise AdapterMissingError(f"Adapter {path} has no {name}.")


def _named_ranks(config: Mapping[str, Any]) -> frozenset[int]:
    """Return the ranks that a config gives to modules; the engine scales by them."""
    pattern = config.get("rank_pattern") or {}
    ranks = pattern.values() if isinstance(pattern, dict) else ()
    return frozenset([config["r"], *(one for one in ranks if isinstance(one, int))])


def _refuse(path: Path, problem: str) -> NoReturn:
    raise AdapterInvalidError(f"Adapter {path}: {problem}.")


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
    path: Path, tensors: Mapping[str, Tensor], layers: Layers | None, ranks: frozenset[int]
) -> tuple[int, tuple[str, ...]]:
    """Check that each tensor belongs to a layer of the base.

    Returns:
        The highest rank, and the names of the layers without their numbers.
    """
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _HALF.match(name)
        if match is None:
            _refuse(path, f"tensor {name} is neither a lora_A nor a lora_B weight")
        if tensor.dtype not in FLOATS or not is_matrix(tensor):
            _refuse(path, f"tensor {name} is {tensor.dtype} of shape {list(tensor.shape)}")
        halves.setdefault(match["module"], {})[match["half"]] = tensor
    if not halves:
        _refuse(path, "it has no tensors")
    found = {module: _check_module(path, module, pair, layers) for module, pair in halves.items()}
    for module, rank in found.items():
        if rank not in ranks:
            said = " and ".join(map(str, sorted(ranks)))
            _refuse(path, f"{module} has rank {rank}, and {ADAPTER_CONFIG} says {said}")
    return max(found.values()), tuple(sorted({module.rpartition(".")[2] for module in halves}))


def _check_module(
    path: Path, module: str, pair: Mapping[str, Tensor], layers: Layers | None
) -> int:
    key = layer_key(module)
    if layers is not None and key not in layers:
        _refuse(path, f"the base model has no layer {module}")
    if len(pair) != len("AB"):
        _refuse(path, f"{module} lacks its lora_{'B' if 'A' in pair else 'A'}")
    (rank, inputs), (outputs, rank_b) = pair["A"].shape, pair["B"].shape
    if rank != rank_b:
        _refuse(path, f"{module} has lora_A of rank {rank} and lora_B of rank {rank_b}")
    shape = layers[key] if layers is not None else None
    if shape is not None and shape != (outputs, inputs):
        _refuse(
            path,
            f"{module} is {inputs} to {outputs}, and the base model's is {shape[1]} to {shape[0]}",
        )
    return rank
