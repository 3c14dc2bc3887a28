"""The table of GPU abilities, held to the source of the installed vLLM; nothing is imported."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from settings.gpus.abilities import ATTENTION_BACKENDS, KV_CACHE_DTYPES, QUANTIZATIONS
from settings.gpus.speculation import KEYS, METHODS

_METHOD_MODULES = {
    "awq": "auto_awq.py",
    "gptq": "auto_gptq.py",
    "fp8": "fp8.py",
    "compressed-tensors": "compressed_tensors/compressed_tensors.py",
    "mxfp4": "mxfp4.py",
    "fp_quant": "fp_quant.py",
    "torchao": "torchao.py",
    "quark": "quark/quark.py",
    "experts_int8": "experts_int8.py",
    "moe_wna16": "moe_wna16.py",
}


@pytest.fixture(scope="module")
def source() -> Path:
    """The folder of vLLM."""
    spec = find_spec("vllm")
    if spec is None or spec.origin is None:
        pytest.skip("vLLM is not installed")
    return Path(spec.origin).parent


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _literal(path: Path, name: str) -> set[str]:
    """Return the strings of `name = Literal[...]`."""
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return {
                part.value
                for part in ast.walk(node.value)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            }
    raise AssertionError(f"{path} has no {name}")


def _class_names(path: Path, name: str) -> set[str]:
    """Return the names that the body of a class assigns or annotates."""
    [found] = [
        node for node in _tree(path).body if isinstance(node, ast.ClassDef) and node.name == name
    ]
    annotated = {n.target.id for n in found.body if isinstance(n, ast.AnnAssign)}  # type: ignore[union-attr]
    assigned = {t.id for n in found.body if isinstance(n, ast.Assign) for t in n.targets}  # type: ignore[attr-defined]
    return annotated | assigned


def test_the_quantizations_are_those_of_vllm(source: Path) -> None:
    """Each of them, and no other."""
    module = source / "model_executor/layers/quantization/__init__.py"
    assert _literal(module, "QuantizationMethods") == QUANTIZATIONS.keys()


@pytest.mark.parametrize(("method", "module"), _METHOD_MODULES.items())
def test_the_floor_of_a_quantization_is_vllms(source: Path, method: str, module: str) -> None:
    """The floors are those of `get_min_capability`."""
    tree = _tree(source / "model_executor/layers/quantization" / module)
    floors = {
        node.body[-1].value.value  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "get_min_capability"
    }
    floor = QUANTIZATIONS[method].floor
    assert floor.major * 10 + floor.minor in floors


def test_the_dtypes_of_the_cache_are_those_of_vllm(source: Path) -> None:
    """Each of them, and no other."""
    assert _literal(source / "config/cache.py", "CacheDType") == KV_CACHE_DTYPES.keys()


def test_the_attention_backends_are_names_of_vllm(source: Path) -> None:
    """The table leaves out those of other makers and of single models."""
    registry = source / "v1/attention/backends/registry.py"
    assert ATTENTION_BACKENDS.keys() <= _class_names(registry, "AttentionBackendEnum")


def test_the_names_of_speculation_are_those_of_vllm(source: Path) -> None:
    """Keys and methods."""
    module = source / "config/speculative.py"
    assert _class_names(module, "SpeculativeConfig") >= KEYS
    known = set()
    names = ("SpeculativeMethod", "EagleModelTypes", "MTPModelTypes")
    names += ("NgramGPUTypes", "DFlashModelTypes", "DSparkModelTypes")
    for name in names:
        known |= _literal(module, name)
    assert known >= METHODS
    assert {method for method in known - METHODS if not method.endswith("_mtp")} == set()
