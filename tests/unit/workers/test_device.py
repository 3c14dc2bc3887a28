"""Whether a device has room for an engine."""

from __future__ import annotations

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
    """Other files of the model are not loaded."""
    (tmp_path / "a.safetensors").write_bytes(bytes(1000))
    (tmp_path / "b.safetensors").write_bytes(bytes(500))
    (tmp_path / "tokenizer.json").write_bytes(bytes(99))
    assert cpu_engine_bytes(tmp_path, 4 * GIB) == 1500 + 4 * GIB + GIB


async def test_a_device_that_becomes_free_is_waited_for() -> None:
    """The engine before this one takes a moment to leave."""
    looks = [DeviceMemory(free=9 * GIB, total=80 * GIB), DeviceMemory(80 * GIB, 80 * GIB)]
    await await_room(lambda: looks.pop(0), lambda memory: memory.total * 0.9, patience_seconds=0.01)
    assert looks == []


async def test_a_device_that_stays_full_is_named_with_its_numbers_and_its_holders() -> None:
    """Whoever reads it knows what to end."""
    full = DeviceMemory(free=9 * GIB, total=80 * GIB, holders=("process 4711",))
    with pytest.raises(DeviceBusyError, match=r"72\.0 GiB.*9\.0 of 80\.0 GiB.*process 4711"):
        await await_room(lambda: full, lambda memory: memory.total * 0.9, patience_seconds=0)
