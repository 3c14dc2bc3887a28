"""The adapters in an engine's memory: never too many, and none leaves under a request."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from adapters.config import ADAPTER_CONFIG, WEIGHTS
from adapters.safetensors import digest
from tests.fixtures.small_adapters import write_small_adapter
from workers.engine.residents import ResidentAdapters
from workers.errors import AdapterRefusedError
from workers.models.adapter import Adapter

ROOM = 3


class Engine:
    """An engine that would die of what a real one dies of.

    Attributes:
        held: The adapters in its memory, by number.
        loads: The names of all adapters that were loaded, in order.
        bad: Names of those that it cannot load.
        slow: Set to let loads end.
    """

    def __init__(self) -> None:
        self.held: dict[int, str] = {}
        self.loads: list[str] = []
        self.bad: set[str] = set()
        self.slow = asyncio.Event()
        self.slow.set()

    async def load(self, adapter: Adapter, adapter_id: int) -> None:
        """Load an adapter."""
        assert adapter_id not in self.held
        assert len(self.held) < ROOM
        await self.slow.wait()
        if adapter.name in self.bad:
            raise AdapterRefusedError(adapter.name)
        self.held[adapter_id] = adapter.name
        self.loads.append(adapter.name)

    async def unload(self, adapter_id: int) -> None:
        """Unload an adapter."""
        await asyncio.sleep(0)
        del self.held[adapter_id]


def made(tmp_path: Path, number: int) -> Adapter:
    """An adapter on disk."""
    path = write_small_adapter(tmp_path / f"{number}", number)
    return Adapter(f"a{number}", path, digest([path / ADAPTER_CONFIG, path / WEIGHTS]), 4)


async def test_requests_in_any_order_find_their_adapter_in_the_engine(tmp_path: Path) -> None:
    """With many more adapters than room, and requests that are cancelled between."""
    engine, draw = Engine(), random.Random(7)  # noqa: S311  # a test's order
    residents = ResidentAdapters(ROOM, engine.load, engine.unload)
    some = [made(tmp_path, number) for number in range(9)]

    async def ask(adapter: Adapter) -> None:
        async with residents.using(adapter) as adapter_id:
            for _ in range(draw.randrange(4)):
                assert engine.held[adapter_id] == adapter.name
                await asyncio.sleep(0)

    asked = [asyncio.create_task(ask(draw.choice(some))) for _ in range(200)]
    for task in draw.sample(asked, 40):
        await asyncio.sleep(0)
        task.cancel()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in outcomes} <= {type(None), asyncio.CancelledError}
    assert len(engine.held) <= ROOM


async def test_the_adapter_that_was_used_last_stays(tmp_path: Path) -> None:
    """The one that was not used for the longest time leaves."""
    engine = Engine()
    residents = ResidentAdapters(ROOM, engine.load, engine.unload)
    some = [made(tmp_path, number) for number in range(4)]
    for number in (0, 1, 2, 0, 3, 0, 2):
        async with residents.using(some[number]):
            pass
    assert engine.loads == ["a0", "a1", "a2", "a3"]


async def test_an_adapter_that_cannot_be_loaded_fails_each_time_and_takes_no_room(
    tmp_path: Path,
) -> None:
    """All that wait for it are told; it may be mended, and the others go on."""
    engine = Engine()
    residents = ResidentAdapters(ROOM, engine.load, engine.unload)
    bad = made(tmp_path, 0)
    engine.bad.add(bad.name)

    async def ask(adapter: Adapter) -> None:
        async with residents.using(adapter):
            pass

    for _ in range(2 * ROOM):
        told = await asyncio.gather(ask(bad), ask(bad), return_exceptions=True)
        assert [str(one) for one in told] == [bad.name] * 2
    await asyncio.gather(*(ask(made(tmp_path, number)) for number in range(1, 1 + 2 * ROOM)))
    engine.bad.clear()
    await ask(bad)
    assert engine.loads[-1] == bad.name


async def test_files_that_changed_never_reach_the_engine(tmp_path: Path) -> None:
    """Nor do files that are gone."""
    engine = Engine()
    residents = ResidentAdapters(ROOM, engine.load, engine.unload)
    adapter = made(tmp_path, 0)
    write_small_adapter(adapter.path, 1)
    with pytest.raises(AdapterRefusedError, match="changed since"):
        async with residents.using(adapter):
            pass
    (adapter.path / WEIGHTS).unlink()
    with pytest.raises(AdapterRefusedError, match="is gone"):
        async with residents.using(adapter):
            pass
    assert engine.loads == []


async def test_a_cancelled_request_leaves_no_half_adapter(tmp_path: Path) -> None:
    """The load goes on, and the next request uses it."""
    engine = Engine()
    residents = ResidentAdapters(ROOM, engine.load, engine.unload)
    adapter = made(tmp_path, 0)
    engine.slow.clear()

    async def ask() -> None:
        async with residents.using(adapter):
            pass

    first = asyncio.create_task(ask())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    engine.slow.set()
    await ask()
    assert engine.loads == ["a0"]
