"""The devices of a machine, held against a pool's settings."""

from __future__ import annotations

from typing import Any

import pytest

from settings.gpus.kind import Capability
from settings.sections.pools import PoolSettings
from workers.engine.vllm.device import Device, check_devices
from workers.errors import EngineStartError

A100 = Device("NVIDIA A100-SXM4-80GB", Capability(8, 0), 85_095_874_560)
A100_SMALL = Device("NVIDIA A100-PCIE-40GB", Capability(8, 0), 42_298_834_944)
T4 = Device("Tesla T4", Capability(7, 5), 15_655_829_504)
SLICE = Device("NVIDIA A100-SXM4-80GB MIG 3g.40gb", Capability(8, 0), 42_000_000_000)
RENAMED = Device("NVIDIA A100X", Capability(8, 0), 85_000_000_000)
UNTOLD = Device("GRID A100D-80C", None, 85_000_000_000)
TITAN = Device("NVIDIA TITAN RTX", Capability(7, 5), 25_000_000_000)


def _pool(gpu: str, **engine: Any) -> PoolSettings:
    return PoolSettings(model="claims", gpu=gpu, concurrency=4, engine=engine)


@pytest.mark.parametrize(
    ("pool", "devices"),
    [
        (_pool("A100"), [A100]),
        (_pool("T4"), [T4, A100]),
        (_pool("A100", tensor_parallel_size=2), [A100, A100]),
        (_pool("A100-80GB"), [RENAMED]),
        (_pool("A100-80GB"), [UNTOLD]),
        (_pool("other", dtype="float16"), [TITAN]),
    ],
)
def test_the_device_of_the_file_is_accepted(pool: PoolSettings, devices: list[Device]) -> None:
    """Also under a name that the table does not have, where its abilities are the same."""
    check_devices("claims", pool, devices)


@pytest.mark.parametrize(
    ("pool", "devices", "words"),
    [
        (_pool("T4"), [A100], r"pools\.claims: the pool is for T4, and the GPU here is 'NVIDIA A1"),
        (_pool("T4"), [A100], r"\(compute capability 8\.0, 85 GB\)\. Set gpu = 'A100-80GB', or"),
        (_pool("A100-80GB"), [A100_SMALL], "Set gpu = 'A100-40GB'"),
        (_pool("A100-80GB"), [SLICE], "Set gpu = 'other'"),
        (_pool("A100-80GB"), [TITAN], "Set gpu = 'other'"),
        (_pool("A100", tensor_parallel_size=2), [A100, T4], "the GPU here is 'Tesla T4'"),
        (_pool("A100", tensor_parallel_size=4), [A100, A100], "asks for 4 GPUs .* vLLM sees 2"),
        (
            _pool("A100", tensor_parallel_size=2, pipeline_parallel_size=2),
            [A100] * 3,
            "asks for 4 GPUs .* vLLM sees 3: choose at most that",
        ),
        (_pool("other", dtype="bfloat16"), [TITAN], "'bfloat16' does not run on .*TITAN RTX.*7.5"),
    ],
)
def test_another_device_is_refused_with_what_it_is(
    pool: PoolSettings, devices: list[Device], words: str
) -> None:
    """A pool for one kind does not quietly run on another, with its concurrency."""
    with pytest.raises(EngineStartError, match=words):
        check_devices("claims", pool, devices)
