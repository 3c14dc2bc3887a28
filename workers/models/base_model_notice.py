"""The notice of a pool's base model to the registry, which holds new adapters against it."""

from __future__ import annotations

import asyncio

import structlog

from ledger.errors import LedgerUnavailableError
from ledger.ledger import Ledger
from schemas.adapter import BaseModelEntry
from workers.errors import EngineStartError
from workers.models.base_model import find_model, known_layers, other_names
from workers.models.model_digest import model_digest

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1


class BaseModelNotice:
    """Tells the registry of a base model, as soon as Redis answers.

    Args:
        ledger: Holds the registry.
        pool: The pool's name.
        model: The base model's name in fleet.toml.
        source: The base model's source there.
        max_rank: Maximum rank of an adapter in the pool.
    """

    def __init__(self, ledger: Ledger, pool: str, model: str, source: str, max_rank: int) -> None:
        self._ledger = ledger
        self._pool = pool
        self._model = model
        self._source = source
        self._max_rank = max_rank
        self._giving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to tell; the worker does not wait for it."""
        self._giving = asyncio.create_task(self._give())

    def stop(self) -> None:
        """Tell no more."""
        if self._giving is not None:
            self._giving.cancel()

    async def _give(self) -> None:
        entry = await asyncio.to_thread(self._entry)
        while True:
            try:
                await self._ledger.base_models.put(self._pool, entry)
            except LedgerUnavailableError:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    def _entry(self) -> BaseModelEntry:
        """Return the entry; without layers and digest where the weights are not on this machine."""
        entry = BaseModelEntry(
            model=self._model, aliases=other_names(self._source), max_rank=self._max_rank
        )
        model_dir = find_model(self._source)
        layers = known_layers(model_dir)
        if model_dir is None or layers is None:
            return entry
        try:
            facts = {"sha256": model_digest(model_dir), "layers": dict(layers)}
        except EngineStartError as error:
            log.warning("the registry learns no digest of the base model", reason=str(error))
            return entry
        return entry.model_copy(update=facts)
