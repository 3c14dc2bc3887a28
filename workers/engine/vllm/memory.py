"""Memory of a device, and the wait for enough of it. Nothing here imports vLLM."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import structlog

from adapters.errors import WeightsError
from adapters.safetensors import read_header
from workers.errors import DeviceBusyError

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 60
_LOOK_SECONDS = 1
_CPU_HEADROOM_BYTES = 2**30
_GIB = 2**30
_FLOAT32 = frozenset({"float32", "float"})
_HALF_FLOATS = frozenset({"F16", "BF16"})


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """The memory of a device, in bytes.

    Attributes:
        free: Bytes for a new process.
        total: Bytes of the device.
        holders: Processes that hold the rest, as far as known; for messages.
    """

    free: int
    total: int
    holders: tuple[str, ...] = ()


def machine_memory() -> DeviceMemory:
    """Return the machine's own memory, for an engine on the CPU."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    fields = {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (s.partition(":") for s in lines)
    }
    return DeviceMemory(free=fields["MemAvailable"], total=fields["MemTotal"])


def cpu_engine_bytes(model_dir: Path, kv_cache_bytes: int, dtype: str | None) -> int:
    """Return the bytes that an engine on the CPU takes: weights, cache and a reserve.

    Args:
        model_dir: The base model.
        kv_cache_bytes: Bytes of its cache.
        dtype: Dtype of its weights in memory; float32 doubles weights that are stored with 16 bits.
    """
    files = model_dir.glob("*.safetensors")
    weights = sum(_loaded_bytes(path, widened=dtype in _FLOAT32) for path in files)
    return weights + kv_cache_bytes + _CPU_HEADROOM_BYTES


def _loaded_bytes(path: Path, *, widened: bool) -> int:
    size = path.stat().st_size
    if not widened:
        return size
    try:
        tensors = read_header(path).values()
    except WeightsError:
        return size  # vLLM reports the error
    return size + sum(2 * math.prod(one.shape) for one in tensors if one.dtype in _HALF_FLOATS)


async def await_room(
    read: Callable[[], DeviceMemory],
    needs: Callable[[DeviceMemory], float],
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> None:
    """Wait until a device has room: an earlier engine may still be ending.

    Args:
        read: Reads the device's memory.
        needs: Returns the bytes that the engine will take.
        patience_seconds: Maximum seconds to wait.

    Raises:
        DeviceBusyError: There is no room; the message has the numbers and the holders of the
            memory.
    """
    give_up_at = monotonic() + patience_seconds
    told = False
    while (memory := read()).free < needs(memory):
        words = (
            f"the engine needs {needs(memory) / _GIB:.1f} GiB of the device's memory, and "
            f"{memory.free / _GIB:.1f} of {memory.total / _GIB:.1f} GiB are free"
        )
        if memory.holders:
            words += f"; in use by {', '.join(memory.holders)}"
        if monotonic() >= give_up_at:
            raise DeviceBusyError(
                f"{words}. End what uses it, or give the pool less with its engine arguments."
            )
        if not told:
            log.warning("waiting for the device", reason=words)
        told = True
        await asyncio.sleep(min(_LOOK_SECONDS, patience_seconds))
