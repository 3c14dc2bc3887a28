"""The registry of adapters: checked on the way in, stored by digest, promoted and retired."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.base_names import is_local_path, is_named
from adapters.config import ADAPTER_CONFIG, WEIGHTS, read_adapter_config
from adapters.errors import AdapterError
from adapters.layers import Layers
from adapters.verification import VerifiedAdapter, check_files, verify_adapter
from ledger.ledger import Ledger
from ledger.page import Page, each_of
from producer.audit_trail import AuditTrail
from producer.errors import AdapterNotFoundError, AdapterRefusedError
from schemas.adapter import AdapterEntry, AdapterFilter, AdapterTerms, BaseModelEntry, adapter_uri
from schemas.audit import AuditAction
from settings.fleet import FleetSettings
from storage.objects import ObjectStore

_BLOCK_BYTES = 8 * 2**20
_MEDIA_TYPES = {ADAPTER_CONFIG: "application/json", WEIGHTS: "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class _Base:
    """A base model of the fleet, as an adapter has to fit it in every pool that serves it."""

    name: str
    names: tuple[str, ...]
    layers: Layers | None
    max_rank: int


class AdapterRegistry:
    """The adapters of a fleet.

    Every method may raise LedgerUnavailableError: try again later.

    Args:
        settings: The fleet's.
        ledger: Holds the entries.
        store: Holds the bytes.
        check_tasks: Raises UnknownTaskError unless each name is a task.
        audit: Records what is added, promoted and retired.
    """

    def __init__(
        self,
        settings: FleetSettings,
        ledger: Ledger,
        store: ObjectStore,
        check_tasks: Callable[[Iterable[str]], None],
        audit: AuditTrail,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = store
        self._check_tasks = check_tasks
        self._audit = audit

    async def add(self, folder: Path, terms: AdapterTerms) -> AdapterEntry:
        """Add a PEFT directory; the same one again changes nothing.

        Args:
            folder: Directory with `adapter_config.json` and `adapter_model.safetensors`; its other
                files are left out.
            terms: Name, version, task and notes.

        Raises:
            AdapterRefusedError: The adapter is damaged or does not fit; nothing is added.
            UnknownTaskError: The message lists the known tasks.
            AdapterTakenError: The name and version belong to another adapter.
            TooManyAdaptersError: The fleet has its maximum number of adapters.
            StorageUnavailableError: The object store does not answer.
        """
        with tempfile.TemporaryDirectory(prefix="docfleet-adapter-") as place:
            # What is checked is what is stored, even if somebody writes to the folder meanwhile.
            copy = Path(place) / "adapter"
            try:
                await asyncio.to_thread(self._copy, folder, copy)
            except (AdapterError, OSError) as error:
                raise AdapterRefusedError(str(error)) from error
            return await self.add_own(copy, terms, shown=str(folder))

    async def add_own(self, folder: Path, terms: AdapterTerms, *, shown: str) -> AdapterEntry:
        """Add a directory to which nobody else writes; see `add`.

        Args:
            folder: The directory.
            terms: Name, version, task and notes.
            shown: Name of the adapter in messages.
        """
        self._check_tasks([terms.task])
        try:
            base, found = await asyncio.to_thread(
                self._verified, folder, terms, await self._bases()
            )
        except AdapterError as error:
            raise AdapterRefusedError(str(error).replace(str(folder), shown)) from error
        # The bytes are stored first: an entry never names bytes that are not there.
        for name in (ADAPTER_CONFIG, WEIGHTS):
            uri = adapter_uri(self._settings.work_bucket, found.sha256, name)
            blocks = _blocks(folder / name)
            await self._store.upload(uri, blocks, media_type=_MEDIA_TYPES[name])
        entry = await self._ledger.adapters.add(
            terms,
            base=base,
            sha256=found.sha256,
            rank=found.rank,
            target_modules=found.target_modules,
            size=found.size,
        )
        await self._audit.record(
            AuditAction.ADAPTER_ADDED, target=entry.ref, detail=f"sha256 {entry.sha256}"
        )
        return entry

    async def page(
        self, which: AdapterFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[AdapterEntry]:
        """Return one page of the adapters that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor of an earlier page.
        """
        return await self._ledger.adapters.page(which, after=after, limit=limit)

    async def each(self, which: AdapterFilter) -> list[AdapterEntry]:
        """Return all adapters that meet the filter, the newest first."""
        pages = each_of(lambda cursor: self.page(which, after=cursor))
        return [entry async for entry in pages]

    async def get(self, ref: str) -> AdapterEntry:
        """Return an adapter.

        Args:
            ref: NAME@VERSION.

        Raises:
            AdapterNotFoundError: There is none.
        """
        return _found(ref, await self._ledger.adapters.get(ref))

    async def promote(self, ref: str) -> AdapterEntry:
        """Make an adapter the default of its task; promote an earlier one to roll back.

        Raises:
            AdapterNotFoundError: There is none.
            AdapterRetiredError: It is retired.
        """
        entry = _found(ref, await self._ledger.adapters.promote(ref))
        await self._audit.record(
            AuditAction.ADAPTER_PROMOTED, target=ref, detail=f"task {entry.task}"
        )
        return entry

    async def retire(self, ref: str) -> AdapterEntry:
        """Let no new job run on an adapter; jobs that name it already still do.

        Raises:
            AdapterNotFoundError: There is none.
        """
        entry = _found(ref, await self._ledger.adapters.retire(ref))
        await self._audit.record(
            AuditAction.ADAPTER_RETIRED, target=ref, detail=f"task {entry.task}"
        )
        return entry

    def _copy(self, folder: Path, copy: Path) -> None:
        """Copy an adapter's files; raise AdapterError for what is no adapter or too large."""
        check_files(folder)
        size = sum((folder / name).stat().st_size for name in (ADAPTER_CONFIG, WEIGHTS))
        if size > self._settings.limits.adapter_bytes:
            raise AdapterError(
                f"Adapter {folder} has {size:,} bytes, and limits.adapter_bytes is"
                f" {self._settings.limits.adapter_bytes:,}."
            )
        copy.mkdir()
        for name in (ADAPTER_CONFIG, WEIGHTS):
            shutil.copyfile(folder / name, copy / name)

    async def _bases(self) -> list[_Base]:
        """Return the fleet's base models that a worker has told of."""
        told = await self._ledger.base_models.by_pool()
        pools: dict[str, list[BaseModelEntry]] = {}
        for name, pool in self._settings.pools.items():
            entry = told.get(name)
            if entry is not None and entry.model == pool.model:
                pools.setdefault(pool.model, []).append(entry)
        return [
            _Base(
                name=model,
                names=(model, self._settings.models[model].source, *entries[0].aliases),
                layers=next((one.layers for one in entries if one.layers is not None), None),
                max_rank=min(one.max_rank for one in entries),
            )
            for model, entries in pools.items()
        ]

    def _verified(
        self, folder: Path, terms: AdapterTerms, bases: list[_Base]
    ) -> tuple[str, VerifiedAdapter]:
        """Return the base of an adapter, and the adapter's facts."""
        check_files(folder)
        found: list[tuple[str, VerifiedAdapter]] = []
        errors: list[AdapterError] = []
        for base in self._meant(folder, terms, bases):
            try:
                found.append((base.name, verify_adapter(folder, base.layers, base.max_rank)))
            except AdapterError as error:
                errors.append(error)
        if not found:
            raise errors[0]
        if len(found) > 1:
            names = ", ".join(name for name, _ in found)
            raise AdapterError(
                f"Adapter {folder} fits several base models, and its config does not say which:"
                f" name one of {names} as its base."
            )
        return found[0]

    def _meant(self, folder: Path, terms: AdapterTerms, bases: list[_Base]) -> list[_Base]:
        """Return the base models that an adapter may be meant for; at least one."""
        known = ", ".join(base.name for base in bases)
        if terms.base is not None and terms.base not in self._settings.models:
            models = ", ".join(self._settings.models) or "none"
            raise AdapterError(
                f"Base {terms.base!r} is no model of fleet.toml, which has: {models}."
            )
        if not bases or terms.base not in {None, *(base.name for base in bases)}:
            raise AdapterError(
                f"No infer worker of {terms.base or 'any pool'} has started yet, and only a worker"
                " knows the layers of its model: start one, then add the adapter."
            )
        if terms.base is not None:
            return [base for base in bases if base.name == terms.base]
        try:
            declared = read_adapter_config(folder).get("base_model_name_or_path")
        except (OSError, ValueError):
            return bases  # the check of the config tells what is wrong with it
        if not isinstance(declared, str) or not declared:
            return bases
        named = [base for base in bases if is_named(declared, base.names)]
        if not named and not is_local_path(declared):
            raise AdapterError(
                f"Adapter {folder} was trained on {declared!r}, and the fleet's models are {known}:"
                " if one of them is that model under another name, name it as the base."
            )
        return named or bases


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
            yield block


def _found(ref: str, entry: AdapterEntry | None) -> AdapterEntry:
    if entry is None:
        raise AdapterNotFoundError(
            f"there is no adapter {ref} in the registry: `docfleet adapters list` shows all"
        )
    return entry
