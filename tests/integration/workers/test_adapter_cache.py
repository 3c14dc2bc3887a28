"""The adapters on a machine: fetched by digest, verified, bounded, and safe from each other."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.layers import Layers
from adapters.verification import verify_adapter
from schemas.adapter import adapter_uri
from schemas.failure import FailureCode
from schemas.job import PinnedAdapter
from settings.fleet import FleetSettings
from storage.s3 import S3Store
from tests.fixtures.small_adapters import INPUTS, MAX_RANK, OUTPUTS, write_small_adapter
from tests.fixtures.waiting import until
from workers.errors import PostponedError, StageError
from workers.models.adapter_cache import AdapterCache

LAYERS: Layers = {"layers.0.self_attn.q_proj": (OUTPUTS, INPUTS)}
FILES = ("adapter_config.json", "adapter_model.safetensors")


class Machine:
    """A machine's cache, and the bucket that it is filled from."""

    def __init__(self, settings: FleetSettings, folder: Path) -> None:
        self.store = S3Store()
        self.bucket = settings.work_bucket
        self.folder = folder
        self._sources = folder.with_name("sources")

    def cache(self, max_bytes: int = 2**20) -> AdapterCache:
        """The cache of one more worker."""
        return AdapterCache(self.store, self.bucket, self.folder, max_bytes, LAYERS, MAX_RANK)

    async def stored(self, fill: int) -> PinnedAdapter:
        """An adapter in the bucket."""
        path = write_small_adapter(self._sources / f"{fill}", fill)
        found = verify_adapter(path, LAYERS, MAX_RANK)
        for name in FILES:
            uri = adapter_uri(self.bucket, found.sha256, name)
            await self.store.put(uri, (path / name).read_bytes(), media_type="x/y")
        return PinnedAdapter(
            name=f"a{fill}", version="1", sha256=found.sha256, base="smollm2", size=found.size
        )

    def cached(self) -> set[str]:
        """The digests of the adapters in the folder."""
        return {one.name for one in self.folder.iterdir() if one.is_dir()}


@pytest.fixture
async def machine(settings: FleetSettings, tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine without adapters."""
    made = Machine(settings, tmp_path / "cache")
    yield made
    made.store.close()


async def refused(cache: AdapterCache, pin: PinnedAdapter) -> StageError:
    """The failure that using the adapter gives."""
    with pytest.raises(StageError) as caught:
        async with cache.using(pin):
            pass
    assert pin.ref in str(caught.value) or pin.sha256 in str(caught.value)
    return caught.value


async def test_an_adapter_is_fetched_once_and_used_by_all_workers(machine: Machine) -> None:
    """Also by several that need it at the same time; the bucket is then not asked again."""
    pin = await machine.stored(1)
    caches = [machine.cache() for _ in range(3)]
    async with AsyncExitStack() as stack:
        uses = [stack.enter_async_context(cache.using(pin)) for cache in caches * 2]
        found = await asyncio.gather(*uses)
    assert {(one.name, one.path, one.version) for one in found} == {
        ("a1@1", machine.folder / pin.sha256, "1")
    }
    for name in FILES:
        await machine.store.delete(adapter_uri(machine.bucket, pin.sha256, name))
    async with machine.cache().using(pin) as adapter:
        assert adapter.shown().sha256 == pin.sha256


async def test_what_the_bucket_lacks_is_missing(machine: Machine) -> None:
    """Nothing of it stays in the cache."""
    pin = await machine.stored(1)
    await machine.store.delete(adapter_uri(machine.bucket, pin.sha256, FILES[1]))
    error = await refused(machine.cache(), pin)
    assert error.failure.code is FailureCode.ADAPTER_MISSING
    assert machine.cached() == set()


async def test_other_bytes_in_the_bucket_are_no_adapter(machine: Machine) -> None:
    """However sound they are by themselves."""
    pin, other = await machine.stored(1), await machine.stored(2)
    uri = adapter_uri(machine.bucket, other.sha256, FILES[1])
    data = await machine.store.get(uri, max_bytes=2**20)
    await machine.store.put(
        adapter_uri(machine.bucket, pin.sha256, FILES[1]), data, media_type="x/y"
    )
    for _ in range(2):
        error = await refused(machine.cache(), pin)
        assert error.failure.code is FailureCode.ADAPTER_INVALID
        assert machine.cached() == set()


def _swap(path: Path) -> None:
    shutil.rmtree(path)
    write_small_adapter(path, 99)


def _other_base(path: Path) -> None:
    write_small_adapter(path, inputs=INPUTS + 1)


def _wrong_rank(path: Path) -> None:
    write_small_adapter(path, rank=MAX_RANK + 1)


def _truncate(path: Path) -> None:
    (path / FILES[1]).write_bytes((path / FILES[1]).read_bytes()[:-2])


def _put_nan(path: Path) -> None:
    (path / FILES[1]).write_bytes((path / FILES[1]).read_bytes()[:-2] + b"\xc0\x7f")


def _pickle(path: Path) -> None:
    (path / FILES[1]).rename(path / "adapter_model.bin")


def _lose_weights(path: Path) -> None:
    (path / FILES[1]).unlink()


@pytest.mark.parametrize("known", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "spoil", [_swap, _other_base, _wrong_rank, _truncate, _put_nan, _pickle, _lose_weights]
)
async def test_a_copy_that_was_changed_fails_its_job_and_is_fetched_again(
    machine: Machine, spoil: Callable[[Path], None], *, known: bool
) -> None:
    """Whether or not the worker had verified it before; the next job has the right one."""
    pin, cache = await machine.stored(1), machine.cache()
    async with (cache if known else machine.cache()).using(pin) as adapter:
        path = adapter.path
    spoil(path)
    error = await refused(cache, pin)
    missing = spoil is _lose_weights
    code = FailureCode.ADAPTER_MISSING if missing else FailureCode.ADAPTER_INVALID
    assert error.failure.code is code
    async with cache.using(pin) as adapter:
        assert verify_adapter(adapter.path, LAYERS, MAX_RANK).sha256 == pin.sha256


async def test_the_one_that_was_not_used_for_the_longest_time_makes_room(machine: Machine) -> None:
    """And none that is in use, also by another worker."""
    pins = [await machine.stored(n) for n in range(4)]
    cache = machine.cache(max_bytes=int(2.5 * pins[0].size))
    async with machine.cache().using(pins[0]):
        for number, pin in enumerate(pins[1:], start=1):
            async with cache.using(pin):
                assert machine.cached() == {pins[0].sha256, pin.sha256}
            os.utime(machine.folder / pin.sha256, (number, number))
    async with cache.using(pins[1]):
        assert len(machine.cached()) == 2


async def test_a_job_waits_while_all_are_in_use(machine: Machine) -> None:
    """The bound holds; once one is free, the job gets its adapter."""
    pins = [await machine.stored(n) for n in range(2)]
    cache = machine.cache(max_bytes=int(1.5 * pins[0].size))
    async with cache.using(pins[0]):
        with pytest.raises(PostponedError, match="full"):
            async with cache.using(pins[1]):
                pass
        assert machine.cached() == {pins[0].sha256}
    async with cache.using(pins[1]):
        assert machine.cached() == {pins[1].sha256}


async def test_an_adapter_larger_than_the_cache_is_never_fetched(machine: Machine) -> None:
    """Waiting would not help."""
    pin = await machine.stored(1)
    error = await refused(machine.cache(max_bytes=pin.size - 1), pin)
    assert error.failure.code is FailureCode.ADAPTER_INVALID
    assert "adapter_cache_bytes" in error.failure.message


KILLED = """
import asyncio, sys, time
from pathlib import Path
from schemas.job import PinnedAdapter
from storage.s3 import S3Store
from workers.models.adapter_cache import AdapterCache

class Slow(S3Store):
    async def get_range(self, uri, offset, length):
        data = await super().get_range(uri, offset, length)
        if uri.endswith("safetensors"):
            print("fetching", flush=True)
            time.sleep(600)
        return data

async def main():
    cache = AdapterCache(Slow(), sys.argv[1], Path(sys.argv[2]), 2**20, None, 64)
    async with cache.using(PinnedAdapter.model_validate_json(sys.argv[3])):
        pass

asyncio.run(main())
"""


async def test_a_worker_that_is_killed_while_it_fetches_holds_nobody_up(machine: Machine) -> None:
    """What it left is no adapter, and goes."""
    pin = await machine.stored(1)
    words = (machine.bucket, str(machine.folder), pin.model_dump_json())
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, *words, stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout is not None
    assert await killed.stdout.readline() == b"fetching\n"
    waiting = asyncio.create_task(_used(machine, pin))
    await until((machine.folder / f".{pin.sha256}.building").is_dir, "for a half adapter")
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    assert await waiting == machine.folder / pin.sha256
    assert machine.cached() == {pin.sha256}


async def _used(machine: Machine, pin: PinnedAdapter) -> Path:
    async with machine.cache().using(pin) as adapter:
        return adapter.path
