"""Which adapters fit a base model, and what is said of those that do not."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.failure import FailureCode
from workers.errors import StageError
from workers.models.adapter import verify_adapter

Shapes = Mapping[str, tuple[int, ...]]

Q = "base_model.model.model.layers.0.self_attn.q_proj"
GOOD: Shapes = {f"{Q}.lora_A.weight": (4, 8), f"{Q}.lora_B.weight": (16, 4)}
CONFIG = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}


def write_safetensors(path: Path, shapes: Shapes, dtype: str = "BF16") -> None:
    """A file of zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2
        for length in shape:
            size *= length
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base model of one layer, in two shards, one projection of it quantised."""
    path = tmp_path / "base"
    path.mkdir()
    write_safetensors(
        path / "model-00001-of-00002.safetensors",
        {
            "model.layers.0.self_attn.q_proj.weight": (16, 8),
            "model.layers.0.input_layernorm.weight": (8,),
        },
    )
    write_safetensors(
        path / "model-00002-of-00002.safetensors", {"model.layers.0.mlp.up_proj.qweight": (1, 16)}
    )
    return path


def _adapter(tmp_path: Path, shapes: Shapes = GOOD, dtype: str = "BF16", **config: Any) -> Path:
    path = tmp_path / "claims-v3"
    path.mkdir()
    (path / "adapter_config.json").write_text(json.dumps({**CONFIG, **config}))
    write_safetensors(path / "adapter_model.safetensors", shapes, dtype)
    return path


def test_a_fitting_adapter_is_named_by_its_directory_and_its_bytes(
    tmp_path: Path, base: Path
) -> None:
    """New weights are a new name, so that no prefix cache of the old ones is met."""
    path = _adapter(tmp_path)
    first = verify_adapter(path, base, max_rank=4)
    assert first.name == f"claims-v3-{first.sha256[:12]}"
    assert (first.path, first.rank) == (path, 4)
    assert verify_adapter(path, base, max_rank=4) == first
    (path / "adapter_config.json").write_text(json.dumps({**CONFIG, "lora_alpha": 16}))
    assert verify_adapter(path, base, max_rank=4).name != first.name


def test_a_layer_is_found_under_another_checkpoints_prefix(tmp_path: Path, base: Path) -> None:
    """Names differ above the layers; and a quantised layer's shape is not known."""
    up = "base_model.model.model.language_model.layers.0.mlp.up_proj"
    shapes = {f"{up}.lora_A.weight": (4, 99), f"{up}.lora_B.weight": (77, 4)}
    assert verify_adapter(_adapter(tmp_path, shapes), base, max_rank=4).rank == 4


def test_a_rank_of_one_module_counts(tmp_path: Path, base: Path) -> None:
    """PEFT lets a module have a rank above the adapter's own."""
    shapes = {f"{Q}.lora_A.weight": (16, 8), f"{Q}.lora_B.weight": (16, 16)}
    path = _adapter(tmp_path, shapes, rank_pattern={"q_proj": 16})
    assert verify_adapter(path, base, max_rank=16).rank == 16
    with pytest.raises(StageError, match="its rank is 16, and the pool takes 8"):
        verify_adapter(path, base, max_rank=8)


@pytest.mark.parametrize("gone", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_file_is_a_missing_adapter(tmp_path: Path, base: Path, gone: str) -> None:
    """The message names the file."""
    path = _adapter(tmp_path)
    (path / gone).unlink()
    with pytest.raises(StageError, match=gone) as caught:
        verify_adapter(path, base, max_rank=4)
    assert caught.value.failure.code is FailureCode.ADAPTER_MISSING


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"peft_type": "IA3"}, "'IA3'"),
        ({"r": 8}, "its rank is 8, and the pool takes 4"),
        ({"r": 0}, "its rank r is 0"),
        ({"r": "4"}, "its rank r is '4'"),
        ({"lora_alpha": None}, "lora_alpha"),
        ({"target_modules": []}, "target_modules"),
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
        ({"init_lora_weights": "pissa"}, "pissa"),
    ],
)
def test_a_config_that_the_engine_would_not_serve_is_refused(
    tmp_path: Path, base: Path, config: dict[str, Any], words: str
) -> None:
    """The message says what about it."""
    with pytest.raises(StageError, match=words) as caught:
        verify_adapter(_adapter(tmp_path, **config), base, max_rank=4)
    assert caught.value.failure.code is FailureCode.ADAPTER_INVALID


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({}, "no tensors"),
        ({f"{Q}.lora_A.weight": (4, 8)}, "lacks its lora_B"),
        ({f"{Q}.lora_A.weight": (4, 8), f"{Q}.lora_B.weight": (16, 2)}, "lora_B of rank 2"),
        ({f"{Q}.lora_A.weight": (4, 9), f"{Q}.lora_B.weight": (16, 4)}, "is 9 to 16, .* 8 to 16"),
        ({f"{Q}.lora_A.weight": (4, 8), f"{Q}.lora_B.weight": (17, 4)}, "is 8 to 17, .* 8 to 16"),
        ({f"{Q}.lora_magnitude_vector": (16,)}, "lora_magnitude_vector"),
        ({f"{Q}.lora_A.weight": (4, 8, 1)}, r"shape \[4, 8, 1\]"),
        (
            {k.replace("layers.0", "layers.1"): v for k, v in GOOD.items()},
            "no layer model.layers.1.self_attn.q_proj",
        ),
        ({k.replace("q_proj", "query"): v for k, v in GOOD.items()}, "no layer .*query"),
        (
            {
                "base_model.model.model.layers.0.input_layernorm.lora_A.weight": (4, 8),
                "base_model.model.model.layers.0.input_layernorm.lora_B.weight": (8, 4),
            },
            "no layer .*input_layernorm",
        ),
    ],
)
def test_tensors_that_belong_to_no_layer_of_the_base_are_refused(
    tmp_path: Path, base: Path, shapes: Shapes, words: str
) -> None:
    """The engine would take some of these and change nothing."""
    with pytest.raises(StageError, match=words) as caught:
        verify_adapter(_adapter(tmp_path, shapes), base, max_rank=4)
    assert caught.value.failure.code is FailureCode.ADAPTER_INVALID


def test_weights_of_another_rank_than_the_config_are_refused(tmp_path: Path, base: Path) -> None:
    """The engine would divide by the config's rank, and answer wrongly."""
    shapes = {f"{Q}.lora_A.weight": (2, 8), f"{Q}.lora_B.weight": (16, 2)}
    with pytest.raises(StageError, match=r"has rank 2, and adapter_config\.json says 4"):
        verify_adapter(_adapter(tmp_path, shapes), base, max_rank=4)


ODD = [
    ("BF16", b"\x80\x7f"),  # infinity
    ("BF16", b"\xc1\xff"),  # NaN
    ("F16", b"\x00\xfc"),
    ("F16", b"\x01\x7c"),
]


@pytest.mark.parametrize(("dtype", "number"), ODD)
def test_a_number_that_is_none_is_refused(
    tmp_path: Path, base: Path, dtype: str, number: bytes
) -> None:
    """One NaN or infinity anywhere would turn every answer into noise."""
    path = _adapter(tmp_path, dtype=dtype)
    weights = path / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-2:] = number
    weights.write_bytes(data)
    with pytest.raises(StageError, match=r"lora_B\.weight has a NaN or an infinity"):
        verify_adapter(path, base, max_rank=4)


@pytest.mark.parametrize("number", [b"\x7f\x7f", b"\xff\xfe", b"\x7f\x00", b"\x80\x80"])
def test_large_and_small_numbers_are_numbers(tmp_path: Path, base: Path, number: bytes) -> None:
    """An exponent that is almost full, and bits of two neighbours that look like one."""
    path = _adapter(tmp_path)
    weights = path / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-4:] = number * 2
    weights.write_bytes(data)
    assert verify_adapter(path, base, max_rank=4).rank == 4


def test_a_pickle_is_refused_under_any_name(tmp_path: Path, base: Path) -> None:
    """Nothing of it is loaded: a pickle runs code."""
    path = _adapter(tmp_path)
    weights = path / "adapter_model.safetensors"
    weights.write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(StageError, match="is a pickle"):
        verify_adapter(path, base, max_rank=4)
    weights.rename(path / "adapter_model.bin")
    with pytest.raises(StageError, match=r"the pickle adapter_model\.bin"):
        verify_adapter(path, base, max_rank=4)


def test_a_header_whose_shapes_do_not_fit_its_bytes_is_refused(tmp_path: Path, base: Path) -> None:
    """A header that lies would be read beyond its tensor."""
    path = _adapter(tmp_path)
    weights = path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b"[4, 8]", b"[4, 9]"))
    with pytest.raises(StageError, match="damaged header"):
        verify_adapter(path, base, max_rank=4)


def test_tensors_that_are_no_floats_are_refused(tmp_path: Path, base: Path) -> None:
    """Quantised adapters are not served."""
    with pytest.raises(StageError, match="I16"):
        verify_adapter(_adapter(tmp_path, dtype="I16"), base, max_rank=4)


@pytest.mark.parametrize("keep", [0, 4, 60, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, base: Path, keep: int) -> None:
    """An upload that was cut off is found before the engine reads it."""
    path = _adapter(tmp_path)
    weights = path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(StageError, match=r"adapter_model\.safetensors") as caught:
        verify_adapter(path, base, max_rank=4)
    assert caught.value.failure.code is FailureCode.ADAPTER_INVALID


@pytest.mark.parametrize("text", ["", "[]", "{", "\ufeff"])
def test_a_config_that_is_no_json_object_is_refused(tmp_path: Path, base: Path, text: str) -> None:
    """The message names the file."""
    path = _adapter(tmp_path)
    (path / "adapter_config.json").write_text(text)
    with pytest.raises(StageError, match=r"adapter_config\.json"):
        verify_adapter(path, base, max_rank=4)
