"""Adapters by task: those that the tasks' files name, and those of the registry that jobs name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import structlog

from schemas.failure import FailureCode
from schemas.job import JobSpec, PinnedAdapter
from schemas.task import Task
from workers.errors import StageError
from workers.models.adapter import Adapter, verify_adapter
from workers.models.adapter_cache import AdapterCache

log = structlog.get_logger(__name__)


class TaskAdapters:
    """Verified adapters of a pool's tasks; an invalid one fails only its own tasks."""

    def __init__(
        self,
        adapters: Mapping[str, Adapter | StageError],
        by_path: Mapping[Path, Adapter | StageError] | None = None,
    ) -> None:
        self._adapters = adapters
        self._by_path = by_path or {}
        self._base = ""
        self._cache: AdapterCache | None = None

    def serve(self, base: str, cache: AdapterCache) -> None:
        """Serve adapters of the registry, too.

        Args:
            base: The pool's base model, as fleet.toml names it.
            cache: The adapters on this machine.
        """
        self._base = base
        self._cache = cache

    @classmethod
    def none(cls) -> Self:
        """Return a registry in which every task runs on the base model."""
        return cls({})

    @classmethod
    def verified(cls, tasks: Mapping[str, Task], base_dir: Path | None, max_rank: int) -> Self:
        """Verify each task's adapter.

        Args:
            tasks: Tasks by name.
            base_dir: The pool's base model; None where its weights are away.
            max_rank: Maximum rank that the pool takes.
        """
        adapters: dict[str, Adapter | StageError] = {}
        by_path: dict[Path, Adapter | StageError] = {}
        for name, task in tasks.items():
            if task.adapter is None:
                continue
            try:
                adapters[name] = verify_adapter(task.adapter.path, base_dir, max_rank)
            except StageError as error:
                log.warning("adapter refused", task=name, reason=error.failure.message)
                adapters[name] = error
            by_path[task.adapter.path] = adapters[name]
        return cls(adapters, by_path)

    @property
    def usable(self) -> Sequence[Adapter]:
        """Return the adapters that an engine may run."""
        return [adapter for adapter in self._adapters.values() if isinstance(adapter, Adapter)]

    def at(self, path: Path) -> Adapter:
        """Return the adapter of a directory.

        Raises:
            StageError: `adapter.*`: the adapter does not fit, or no task of this worker has it.
        """
        adapter = self._by_path.get(path)
        if isinstance(adapter, StageError):
            raise adapter
        if adapter is None:
            raise StageError(
                FailureCode.ADAPTER_MISSING, f"This worker has not loaded adapter {path.name}."
            )
        return adapter

    @asynccontextmanager
    async def using(self, task: Task, spec: JobSpec) -> AsyncIterator[Adapter | None]:
        """Keep the adapter of a job's task at hand for the length of a block.

        Args:
            task: The task.
            spec: The job, which may name the adapter.

        Raises:
            StageError: `adapter.*`: the adapter does not fit, or is not to be had.
            PostponedError: There is no room for it now.
        """
        if task.name not in spec.adapters:
            yield self.of(task)
        elif (pin := spec.adapters[task.name]) is None:
            yield None
        else:
            async with self._registry(pin).using(pin) as adapter:
                yield adapter

    def _registry(self, pin: PinnedAdapter) -> AdapterCache:
        if self._cache is None:
            raise StageError(
                FailureCode.ADAPTER_MISSING, f"This worker serves no adapter such as {pin.ref}."
            )
        if pin.base != self._base:
            raise StageError(
                FailureCode.ADAPTER_INVALID,
                f"Adapter {pin.ref} runs on {pin.base}, and this pool serves {self._base}.",
            )
        return self._cache

    def of(self, task: Task) -> Adapter | None:
        """Return the adapter of a task, or None for the base model.

        Raises:
            StageError: `adapter.*`: the task's adapter does not fit.
        """
        adapter = self._adapters.get(task.name)
        if isinstance(adapter, StageError):
            raise adapter
        return adapter
