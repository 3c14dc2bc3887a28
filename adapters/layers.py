"""The linear layers of a base model, which an adapter's matrices have to fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from adapters.errors import WeightsError
from adapters.safetensors import Tensor, read_header

Layers = Mapping[str, tuple[int, int] | None]
"""Outputs and inputs of each linear layer by `layer_key`; None where packed weights hide them."""

FLOATS = frozenset({"F16", "BF16", "F32"})
_PACKED = frozenset({"qweight", "weight_packed"})


def base_layers(base_dir: Path) -> Layers:
    """Return the linear layers of a base model's directory.

    Raises:
        WeightsError: It has no safetensors, or one of them is damaged.
    """
    files = sorted(base_dir.glob("*.safetensors"))
    if not files:
        raise WeightsError(f"the base model {base_dir} has no safetensors to compare with.")
    return dict(layer for file in files for layer in _layers(read_header(file)))


def layer_key(module: str) -> str:
    """Return a layer's name without the prefix that differs between checkpoints."""
    start = module.find("layers.")
    return module[start:] if start >= 0 else module.rpartition(".")[2]


def is_matrix(tensor: Tensor) -> bool:
    """Tell whether a tensor has outputs and inputs."""
    return len(tensor.shape) == len(("outputs", "inputs"))


def _layers(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, tuple[int, int] | None]]:
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind in _PACKED:
            yield layer_key(module), None
        elif kind == "weight" and is_matrix(tensor):
            plain = tensor.dtype in FLOATS or tensor.dtype.startswith("F8")
            yield layer_key(module), (tensor.shape[0], tensor.shape[1]) if plain else None
