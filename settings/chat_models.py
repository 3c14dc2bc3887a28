"""Names of models in chats: base models of the pools, and adapters of the tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.config import read_adapter_config
from schemas.task import Task
from settings.fleet import FleetSettings

_PACKAGE = "package:"


@dataclass(frozen=True, slots=True)
class ChatModel:
    """Model or adapter that a name stands for.

    Attributes:
        name: Name in `/v1/models`.
        pool: The first pool that serves it.
        base: Name of its base model in fleet.toml.
        adapter: The adapter's directory; None for the base model alone.
    """

    name: str
    pool: str
    base: str
    adapter: Path | None = None


class ChatModels:
    """Models and adapters that chats can ask for.

    A base model has its name in fleet.toml or its source there, an adapter the name of its
    directory. A name that two adapters share, or that a base model has, is no adapter's.

    Args:
        settings: The fleet's.
        tasks: Tasks with adapters.
    """

    def __init__(self, settings: FleetSettings, tasks: Mapping[str, Task]) -> None:
        self._models = _bases(settings)
        self._aliases = {
            settings.models[model.base].source: model
            for model in self._models.values()
            if not settings.models[model.base].source.startswith(_PACKAGE)
        }
        paths = {task.adapter.path for task in tasks.values() if task.adapter is not None}
        names = Counter(path.name for path in paths)
        bases = tuple(self._models.values())
        for path in sorted(paths):
            if bases and names[path.name] == 1 and path.name not in self._models:
                base = self._base_of(path) or bases[0]
                self._models[path.name] = ChatModel(path.name, base.pool, base.base, path)

    def get(self, name: str) -> ChatModel | None:
        """Return the model of a name, or None for an unknown name."""
        return self._models.get(name) or self._aliases.get(name)

    def all(self) -> list[ChatModel]:
        """Return every model once, base models first."""
        return list(self._models.values())

    def _base_of(self, adapter: Path) -> ChatModel | None:
        """Return the base that an adapter names, if this machine can read its files."""
        try:
            config = read_adapter_config(adapter)
            return self.get(str(config["base_model_name_or_path"]))
        except (OSError, ValueError, KeyError):
            return None


def _bases(settings: FleetSettings) -> dict[str, ChatModel]:
    models: dict[str, ChatModel] = {}
    for pool, its in settings.pools.items():
        models.setdefault(its.model, ChatModel(its.model, pool, its.model))
    return models
