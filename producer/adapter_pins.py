"""Adapters of a new job: those that its request names and its tasks' defaults, fixed for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from ledger.registry.adapters import AdapterRecords
from producer.errors import RequestError, UnknownAdapterError, UnservedAdapterError
from schemas.adapter import AdapterEntry, AdapterState
from schemas.job import BASE_ALONE, PinnedAdapter
from settings.fleet import FleetSettings

log = structlog.get_logger(__name__)

Pins = dict[str, PinnedAdapter | None]
"""By task; None for the base model alone."""


class AdapterPins:
    """Choice of the adapters of new jobs. What becomes of them later changes no job.

    Args:
        settings: The fleet's.
        adapters: The registry.
    """

    def __init__(self, settings: FleetSettings, adapters: AdapterRecords) -> None:
        self._settings = settings
        self._adapters = adapters

    async def of(self, tasks: Sequence[str], named: Mapping[str, str]) -> Pins:
        """Return the adapters of a job.

        Args:
            tasks: The job's tasks.
            named: Adapters that its request names, by task.

        Raises:
            RequestError: An adapter is named for a task that the job does not run.
            UnknownAdapterError: The registry has no such adapter.
            UnservedAdapterError: An adapter is retired or another task's, or no pool serves all of
                them.
        """
        pins: Pins = {}
        if strange := [task for task in named if task not in tasks]:
            raise RequestError(f"adapters: {', '.join(strange)} is no task of this job")
        for task, ref in named.items():
            pins[task] = None if ref == BASE_ALONE else await self._pin(task, ref)
        others = [task for task in tasks if task not in named]
        for task, entry in (await self._adapters.stable(others)).items():
            pins[task] = entry.pinned(by_default=True)
        self._check_bases(pins)
        return pins

    async def defaults(self, tasks: Sequence[str]) -> Pins:
        """Return the default adapters of tasks; none where no pool serves all of them."""
        try:
            return await self.of(tasks, {})
        except UnservedAdapterError as error:
            log.error("a document's tasks run without their default adapters", reason=str(error))  # noqa: TRY400  # no defect
            return {}

    async def _pin(self, task: str, ref: str) -> PinnedAdapter:
        entry = await self._adapters.get(ref)
        if entry is None:
            raise UnknownAdapterError(
                f"adapters.{task}: there is no adapter {ref} in the registry:"
                " `docfleet adapters list` shows all"
            )
        self._check(task, entry)
        return entry.pinned()

    def _check(self, task: str, entry: AdapterEntry) -> None:
        if entry.state is AdapterState.RETIRED:
            raise UnservedAdapterError(
                f"adapters.{task}: {entry.ref} is retired, and no new job runs on it"
            )
        if entry.task != task:
            raise UnservedAdapterError(
                f"adapters.{task}: {entry.ref} is an adapter for the task {entry.task}"
            )

    def _check_bases(self, pins: Pins) -> None:
        """Raise UnservedAdapterError unless one pool serves all adapters."""
        bases = {pin.base: pin for pin in pins.values() if pin is not None}
        served = {pool.model for pool in self._settings.pools.values()}
        for base, pin in bases.items():
            if base not in served:
                raise UnservedAdapterError(
                    f"{pin.ref} runs on {base}, and no pool serves that model; they serve:"
                    f" {', '.join(sorted(served)) or 'none'}"
                )
        if len(bases) > 1:
            words = ", ".join(f"{pin.ref} on {base}" for base, pin in bases.items())
            raise UnservedAdapterError(
                f"a job runs on one engine, and these run on several: {words}; submit one job for"
                " each"
            )
