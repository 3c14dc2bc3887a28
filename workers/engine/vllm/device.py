"""The devices that vLLM sees, held against what the fleet's file says of the pool. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from settings.gpus.engine_check import check_engine
from settings.gpus.errors import GpuSettingError
from settings.gpus.kind import OTHER, Capability, GpuKind
from settings.gpus.names import find_kind
from settings.sections.pools import PoolSettings
from workers.errors import EngineStartError

_FIRMWARE_SHARE = 0.85
"""Smallest share of a kind's memory that its driver reports; the rest is the driver's own."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU as its driver describes it.

    Attributes:
        name: The driver's name, such as "NVIDIA A100-SXM4-80GB".
        capability: Its compute capability, or None where the driver does not tell.
        memory_bytes: All of its memory.
    """

    name: str
    capability: Capability | None
    memory_bytes: int


def check_devices(pool_name: str, pool: PoolSettings, devices: Sequence[Device]) -> None:
    """Check that a pool's engine finds the devices that its settings speak of.

    Args:
        pool_name: Name of the pool, for messages.
        pool: Its settings.
        devices: The GPUs that vLLM sees, in its order.

    Raises:
        EngineStartError: There are too few, or one is of another kind; the message says what to
            write instead.
    """
    place = f"pools.{pool_name}"
    needed = _devices_needed(pool.engine)
    if needed > len(devices):
        raise EngineStartError(
            f"{place}.engine asks for {needed} GPUs (tensor_parallel_size times "
            f"pipeline_parallel_size), and vLLM sees {len(devices)}: choose at most that."
        )
    for device in devices[:needed]:
        _check_kind(place, pool, device)


def _devices_needed(engine: Mapping[str, Any]) -> int:
    sizes = ("tensor_parallel_size", "pipeline_parallel_size")
    needed = 1
    for name in sizes:
        needed *= engine.get(name, 1)
    return needed


def _check_kind(place: str, pool: PoolSettings, device: Device) -> None:
    kind, found = pool.kind, find_kind(device.name)
    if kind.is_other:
        _check_unlisted(place, pool, device)
        return
    if found is None and _is_like(device, kind):
        return
    if found != kind:
        instead = found.name if found else OTHER
        raise EngineStartError(
            f"{place}: the pool is for {kind.name}, and the GPU here is {device.name!r} "
            f"({_words(device)}). Set gpu = {instead!r}, or run this pool's workers on "
            f"{kind.name}."
        )


def _check_unlisted(place: str, pool: PoolSettings, device: Device) -> None:
    """Check the engine arguments of a kind outside of the table against the device itself."""
    kind = GpuKind(device.name, device.capability, device.memory_bytes, None, "the driver")
    try:
        check_engine(kind, pool.engine, pool.max_model_len)
    except GpuSettingError as error:
        raise EngineStartError(f"{place}: {error}") from error


def _is_like(device: Device, kind: GpuKind) -> bool:
    """Tell whether a device whose name is not known has a kind's abilities and memory."""
    if device.capability is not None and device.capability != kind.capability:
        return False
    return device.memory_bytes >= _FIRMWARE_SHARE * kind.memory_bytes


def _words(device: Device) -> str:
    gigabytes = f"{device.memory_bytes / 10**9:.0f} GB"
    if device.capability is None:
        return gigabytes
    return f"compute capability {device.capability}, {gigabytes}"
