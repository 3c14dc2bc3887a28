"""The adapters of the registry on this machine: fetched by digest, bounded, shared by its workers.

A directory is built beside its place and renamed, so that nobody sees a part of one. Every user of
a directory holds a shared lock on it and whoever builds or deletes one holds it alone; the kernel
lets go of the locks of a process that dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from adapters.config import ADAPTER_CONFIG, WEIGHTS
from adapters.errors import AdapterError
from adapters.layers import Layers
from adapters.verification import verify_adapter
from schemas.adapter import adapter_uri
from schemas.failure import FailureCode
from schemas.job import PinnedAdapter
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore
from workers.errors import PostponedError, StageError
from workers.models.adapter import Adapter, adapter_failures
from workers.objects import storage_failures

log = structlog.get_logger(__name__)

_FILES = (ADAPTER_CONFIG, WEIGHTS)
_BLOCK_BYTES = 8 * 2**20
_LOOK_SECONDS = 0.05
_ROOM = "room"
_FULL_SECONDS = 5.0
"""Seconds until a job comes again that found no room in the cache."""

_Stamp = tuple[tuple[int, int, int], ...]


class AdapterCache:
    """The cache of one worker; other workers of the machine share its folder.

    Args:
        store: Holds the adapters' bytes.
        bucket: The work bucket.
        folder: Folder of the cache.
        max_bytes: Maximum bytes of all directories in it.
        layers: Linear layers of the pool's base model; None where the weights are away.
        max_rank: Maximum rank that the engine takes.
    """

    def __init__(
        self,
        store: ObjectStore,
        bucket: str,
        folder: Path,
        max_bytes: int,
        layers: Layers | None,
        max_rank: int,
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._folder = folder
        self._max_bytes = max_bytes
        self._layers = layers
        self._max_rank = max_rank
        self._verified: dict[str, tuple[_Stamp, int]] = {}

    @asynccontextmanager
    async def using(self, pin: PinnedAdapter) -> AsyncIterator[Adapter]:
        """Keep an adapter on this machine for the length of a block; fetch it first if needed.

        Raises:
            StageError: `adapter.*` where its bytes are gone, changed, or no adapter for this pool;
                `storage.*` where the object store does not give them.
            PostponedError: The cache is full of adapters that are in use.
        """
        try:
            lock = await self._locked(pin)
        except OSError as error:
            raise StageError(
                FailureCode.WORKER_ERROR,
                f"The folder {self._folder} cannot hold adapters: {error.strerror}.",
            ) from error
        try:
            yield await asyncio.to_thread(self._adapter, pin)
        finally:
            os.close(lock)

    async def _locked(self, pin: PinnedAdapter) -> int:
        """Return a shared lock on an adapter's directory, which is there."""
        while True:
            lock = self._lock(pin.sha256, fcntl.LOCK_SH)
            if lock is not None:
                if self._path(pin.sha256).is_dir():
                    os.utime(self._path(pin.sha256))
                    return lock
                os.close(lock)
                await self._fetch(pin)
            else:  # another worker builds it, or deletes it
                await asyncio.sleep(_LOOK_SECONDS)

    async def _fetch(self, pin: PinnedAdapter) -> None:
        """Build an adapter's directory, unless another worker does."""
        # One at a time on this machine: two that made room at once would both fill it.
        room = self._lock(_ROOM, fcntl.LOCK_EX)
        if room is None:
            await asyncio.sleep(_LOOK_SECONDS)
            return
        lock = None
        try:
            await asyncio.to_thread(self._make_room, pin)
            lock = self._lock(pin.sha256, fcntl.LOCK_EX)
            if lock is not None and not self._path(pin.sha256).is_dir():
                await self._build(pin)
        finally:
            os.close(room)
            if lock is not None:
                os.close(lock)

    async def _build(self, pin: PinnedAdapter) -> None:
        building = self._folder / f".{pin.sha256}.building"
        shutil.rmtree(building, ignore_errors=True)  # of a worker that was killed here
        building.mkdir()
        try:
            for name in _FILES:
                await self._download(pin, name, building / name)
            building.rename(self._path(pin.sha256))
        finally:
            shutil.rmtree(building, ignore_errors=True)
        log.info("adapter fetched", adapter=pin.ref, sha256=pin.sha256)

    async def _download(self, pin: PinnedAdapter, name: str, file: Path) -> None:
        uri = adapter_uri(self._bucket, pin.sha256, name)
        with storage_failures(), file.open("wb") as target:
            while True:
                try:
                    block = await self._store.get_range(uri, target.tell(), _BLOCK_BYTES)
                except ObjectMissingError as error:
                    raise StageError(
                        FailureCode.ADAPTER_MISSING, f"Adapter {pin.ref}: {error}."
                    ) from error
                await asyncio.to_thread(target.write, block)
                if len(block) < _BLOCK_BYTES:
                    break
            target.flush()
            await asyncio.to_thread(os.fsync, target.fileno())

    def _adapter(self, pin: PinnedAdapter) -> Adapter:
        """Verify a directory unless it is as it was; one that is not the adapter is removed."""
        path = self._path(pin.sha256)
        try:
            with adapter_failures():
                return self._unchanged_or_verified(pin, path)
        except StageError as error:
            self._verified.pop(pin.sha256, None)
            shutil.rmtree(path, ignore_errors=True)
            raise StageError(
                error.failure.code, f"{error.failure.message} The copy was removed."
            ) from error

    def _unchanged_or_verified(self, pin: PinnedAdapter, path: Path) -> Adapter:
        rank = 0
        try:
            stamp = _stamp(path)
        except OSError:
            stamp = ()
        known = self._verified.get(pin.sha256)
        if stamp and known is not None and known[0] == stamp:
            rank = known[1]
        else:
            found = verify_adapter(path, self._layers, self._max_rank)
            if found.sha256 != pin.sha256:
                raise AdapterError(
                    f"Adapter {pin.ref}: its copy in {path} has other bytes than the registry says."
                )
            rank = found.rank
            self._verified[pin.sha256] = (stamp, rank)
        return Adapter(
            name=pin.ref,
            path=path,
            sha256=pin.sha256,
            rank=rank,
            label=pin.name,
            version=pin.version,
        )

    def _make_room(self, pin: PinnedAdapter) -> None:
        """Delete the directories that were not used for the longest time, but none in use.

        Raises:
            PostponedError: There is no room: all of them are in use.
            StageError: The adapter alone is larger than the cache.
        """
        if pin.size > self._max_bytes:
            raise StageError(
                FailureCode.ADAPTER_INVALID,
                f"Adapter {pin.ref} has {pin.size:,} bytes, and limits.adapter_cache_bytes is"
                f" {self._max_bytes:,}.",
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        sizes = {path: _size(path) for path in self._folder.iterdir() if path.is_dir()}
        left = sum(sizes.values()) + pin.size
        for path in sorted(sizes, key=_used_at):
            if left <= self._max_bytes:
                return
            if self._remove(path):
                left -= sizes[path]
        if left > self._max_bytes:
            raise PostponedError("the adapters' cache is full of those in use", _FULL_SECONDS)

    def _remove(self, path: Path) -> bool:
        """Delete a directory unless somebody uses or builds it; tell whether it is gone."""
        sha256 = path.name.removeprefix(".").removesuffix(".building")
        lock = self._lock(sha256, fcntl.LOCK_EX)
        if lock is None:
            return False
        try:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
        self._verified.pop(sha256, None)
        return not path.exists()

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256

    def _lock(self, name: str, how: int) -> int | None:
        """Return a lock without waiting for it; None where somebody else has it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise
        return lock


def _stamp(path: Path) -> _Stamp:
    stats = [(path / name).stat() for name in _FILES]
    return tuple((one.st_size, one.st_mtime_ns, one.st_ino) for one in stats)


def _size(path: Path) -> int:
    try:
        return sum(file.stat().st_size for file in path.iterdir())
    except OSError:
        return 0  # another worker has just removed it


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0
