"""The adapters in an engine's memory: loaded when a request needs one, unloaded when idle.

vLLM dies of a request whose adapter it has pushed out and cannot read again. So the engine never
pushes out any by itself: it has room for as many as are resident here, and none leaves while a
request is on it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.config import ADAPTER_CONFIG, WEIGHTS
from adapters.safetensors import digest
from workers.errors import AdapterRefusedError, EngineError
from workers.models.adapter import Adapter

Load = Callable[[Adapter, int], Awaitable[None]]
"""Loads an adapter under an id; raises EngineError."""
Unload = Callable[[int], Awaitable[None]]
"""Unloads the adapter of an id; raises EngineError."""


@dataclass(eq=False)
class _Resident:
    """An adapter in the engine, or on its way there.

    Attributes:
        id: Its number in the engine; no number is used twice.
        loading: The load, which gives an error or None: a task without waiters must not raise.
        users: Requests that are on it.
    """

    id: int
    loading: asyncio.Task[EngineError | None]
    users: int = 0


class ResidentAdapters:
    """The adapters in one engine's memory.

    Args:
        room: Maximum adapters at once.
        load: Loads one into the engine.
        unload: Unloads one.
    """

    def __init__(self, room: int, load: Load, unload: Unload) -> None:
        self._room = room
        self._load = load
        self._unload = unload
        self._residents: OrderedDict[Adapter, _Resident] = OrderedDict()  # last used last
        self._left = asyncio.Event()
        self._last_id = 0

    @asynccontextmanager
    async def using(self, adapter: Adapter) -> AsyncIterator[int]:
        """Keep an adapter in the engine for the length of a block; give its id.

        Raises:
            AdapterRefusedError: Its files changed, or the engine cannot load them.
            EngineDiedError: The engine is gone.
        """
        resident = await self._place(adapter)
        resident.users += 1
        try:
            # A cancelled load would leave the engine with half an adapter: let it finish.
            error = await asyncio.shield(resident.loading)
            if error is not None:
                if self._residents.get(adapter) is resident:
                    del self._residents[adapter]
                raise error
            yield resident.id
        finally:
            resident.users -= 1
            self._left.set()

    async def _place(self, adapter: Adapter) -> _Resident:
        """Return an adapter's place; wait until one is free."""
        while (resident := self._residents.get(adapter)) is None:
            idle = self._idle() if len(self._residents) >= self._room else None
            if idle is None and len(self._residents) >= self._room:
                self._left.clear()
                await self._left.wait()
                continue
            former = self._residents.pop(idle) if idle is not None else None
            self._last_id += 1
            loading = asyncio.create_task(self._swap(former, adapter, self._last_id))
            self._residents[adapter] = _Resident(self._last_id, loading)
        self._residents.move_to_end(adapter)
        return resident

    def _idle(self) -> Adapter | None:
        """Return the adapter that was not used for the longest time, or None."""
        unused = (one for one, held in self._residents.items() if held.users == 0)
        return next((one for one in unused if self._residents[one].loading.done()), None)

    async def _swap(
        self, former: _Resident | None, adapter: Adapter, adapter_id: int
    ) -> EngineError | None:
        try:
            if former is not None and former.loading.result() is None:
                await self._unload(former.id)
            await asyncio.to_thread(check_files, adapter)
            await self._load(adapter, adapter_id)
        except EngineError as error:
            return error
        return None

    def stop(self) -> None:
        """Forget all of them: the engine is gone."""
        residents, self._residents = self._residents, OrderedDict()
        for resident in residents.values():
            resident.loading.cancel()


def check_files(adapter: Adapter) -> None:
    """Check that an adapter's files are those that were verified.

    Raises:
        AdapterRefusedError: One of them is gone, or has other bytes.
    """
    files = [adapter.path / name for name in (ADAPTER_CONFIG, WEIGHTS)]
    for file in files:
        if not file.is_file():
            raise AdapterRefusedError(f"Adapter {adapter.name}: {file} is gone.")
    try:
        sha256 = digest(files)
    except OSError as error:
        raise AdapterRefusedError(f"Adapter {adapter.name} cannot be read: {error}") from error
    if sha256 != adapter.sha256:
        raise AdapterRefusedError(
            f"Adapter {adapter.name}: its files in {adapter.path} changed since they were checked."
        )
