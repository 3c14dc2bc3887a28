"""Registry of adapters by task, verified when a worker starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import structlog

from schemas.failure import FailureCode
from schemas.task import Task
from workers.errors import StageError
from workers.models.adapter import Adapter, verify_adapter

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

    @classmethod
    def none(cls) -> Self:
        """Return a registry in which every task runs on the base model."""
        return cls({})

    @classmethod
    def verified(cls, tasks: Mapping[str, Task], base_dir: Path, max_rank: int) -> Self:
        """Verify each task's adapter.

        Args:
            tasks: Tasks by name.
            base_dir: The pool's base model.
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

    def of(self, task: Task) -> Adapter | None:
        """Return the adapter of a task, or None for the base model.

        Raises:
            StageError: `adapter.*`: the task's adapter does not fit.
        """
        adapter = self._adapters.get(task.name)
        if isinstance(adapter, StageError):
            raise adapter
        return adapter
