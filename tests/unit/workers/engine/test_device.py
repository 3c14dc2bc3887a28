"""Room of a device for an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workers.engine.vllm.memory import DeviceMemory, await_room, cpu_engine_bytes, machine_memory
from workers.errors import DeviceBusyError

GIB = 2**30


def test_the_machine_tells_its_memory() -> None:
    """Something is free, and not more than there is."""
    memory = machine_memory()
    assert 0 < memory.free <= memory.total


def test_an_engine_on_the_cpu_takes_its_weights_its_cache_and_some_more(tmp_path: Path) -> None:
    """Other files of the model are not loaded; weights of 16 bits take twice as much as float32."""
    for name, dtype in [("a", "BF16"), ("b", "I8")]:
        size = {"BF16": 2, "I8": 1}[dtype] * 100 * 10
        tensor = {"dtype": dtype, "shape": [100, 10], "data_offsets": [0, size]}
        header = json.dumps({"weight": tensor}).encode()
        weights = len(header).to_bytes(8, "little") + header + bytes(size)
        (tmp_path / f"{name}.safetensors").write_bytes(weights)
    (tmp_path / "tokenizer.json").write_bytes(bytes(99))
    stored = sum(path.stat().st_size for path in tmp_path.glob("*.safetensors"))
    assert cpu_engine_bytes(tmp_path, 4 * GIB, "bfloat16") == stored + 4 * GIB + GIB
    assert cpu_engine_bytes(tmp_path, 4 * GIB, "float32") == stored + 2000 + 4 * GIB + GIB


async def test_a_device_that_becomes_free_is_waited_for() -> None:
    """The engine before this one takes a moment to leave."""
    looks = [DeviceMemory(free=9 * GIB, total=80 * GIB), DeviceMemory(80 * GIB, 80 * GIB)]
    await await_room(lambda: looks.pop(0), lambda memory: memory.total * 0.9, patience_seconds=0.01)
    assert looks == []


async def test_a_device_that_stays_full_is_named_with_its_numbers_and_its_holders() -> None:
    """The reader learns which process to end."""
    full = DeviceMemory(free=9 * GIB, total=80 * GIB, holders=("process 4711",))
    with pytest.raises(DeviceBusyError, match=r"72\.0 GiB.*9\.0 of 80\.0 GiB.*process 4711"):
        await await_room(lambda: full, lambda memory: memory.total * 0.9, patience_seconds=0)
